import t from 'tap';
import { type DeviceTraits, deviceOf } from '../../firmware/registrar/device-class.ts';

interface Case {
  readonly userAgent?: string;
  readonly protocol?: string;
  readonly capabilities?: string;
  readonly expected: string;
}

const CASES: readonly Case[] = [
  {
    userAgent: 'Avaya Communicator/3.0 (1.1.0.35.1234; Avaya CSDK; Microsoft Windows NT 6.2.9200.0)',
    expected: 'desktop workplace',
  },
  { userAgent: 'Avaya Communicator/3.0 (3.30.0.1; Avaya CSDK; Mac OS X 14.1)', expected: 'desktop workplace' },
  { userAgent: 'Avaya Communicator/3.0 (3.30.0.1; Avaya CSDK; Android 13; SM-G991B)', expected: 'mobile workplace' },
  { userAgent: 'Avaya Communicator/3.0 (3.30.0.1; Avaya CSDK; iOS 17.1; iPhone)', expected: 'mobile workplace' },
  { userAgent: 'Avaya Workplace/3.35 (Windows 11)', expected: 'desktop workplace' },
  { userAgent: 'Avaya Communicator/3.0 (2.2.0; Avaya CSDK; Android; K175 Vantage)', expected: 'desk' },
  { userAgent: 'Avaya Vantage Basic/2.2.0.2', expected: 'desk' },
  { userAgent: 'Avaya J179 SIP IP Phone 4.0.10.1.2', expected: 'desk' },
  { userAgent: 'Avaya one-X Deskphone 7.1.15.2 (14504) 96x1', expected: 'desk' },
  { userAgent: 'AVAYA/J139-4.0.13.0.6', expected: 'desk' },
  { userAgent: 'Zoiper rv2.10.19.9', expected: 'desktop softphone' },
  { userAgent: 'Z 5.6.1 v2.10.19.9', expected: 'desktop softphone' },
  { userAgent: 'Zoiper for Android 2.24', expected: 'mobile softphone' },
  { userAgent: 'Linphone-Desktop/5.1.2 (host) debian/12', expected: 'desktop softphone' },
  { userAgent: 'LinphoneAndroid/5.2.3 (Pixel) LinphoneSDK/5.3', expected: 'mobile softphone' },
  { userAgent: 'LinphoneiOS/5.2.1 (iPhone)', expected: 'mobile softphone' },
  { userAgent: 'MicroSIP/3.21.3', expected: 'desktop softphone' },
  { userAgent: 'Bria 6 release 6.5.3 stamp 1', expected: 'desktop softphone' },
  { userAgent: 'Bria iOS 5.0.1', expected: 'mobile softphone' },
  { userAgent: 'baresip v1.0.0 (x86_64/linux)', expected: 'desktop softphone' },
  { userAgent: 'Grandstream GXP2170 1.0.11.3', expected: 'desk' },
  { userAgent: 'Grandstream Wave 1.0.3', expected: 'mobile softphone' },
  { userAgent: 'Yealink SIP-T46S 66.86.0.15', expected: 'desk' },
  { userAgent: 'snomD785/10.1.42.14', expected: 'desk' },
  { userAgent: 'PolycomVVX-VVX_411-UA/5.9.0.9373', expected: 'desk' },
  { userAgent: 'SIP.js/0.21.2', protocol: 'wss', expected: 'webrtc softphone' },
  { userAgent: 'JsSIP 3.10.0', protocol: 'tls', expected: 'webrtc softphone' },
  { userAgent: 'whatever/1.0', protocol: 'ws', expected: 'webrtc softphone' },
  { protocol: 'wss', expected: 'webrtc softphone' },
  {
    userAgent: 'Avaya Communicator/3.0 (3.30; Avaya CSDK; Windows NT 10)',
    protocol: 'wss',
    expected: 'desktop workplace',
  },
  { userAgent: 'SomePhone/1.0', capabilities: ';audio;mobility="mobile"', expected: 'mobile softphone' },
  { userAgent: 'SomePhone/1.0', capabilities: ';audio;mobility="fixed"', expected: 'desk' },
  { userAgent: 'Yealink SIP-W60B', capabilities: ';mobility="mobile"', expected: 'desk' },
  { userAgent: 'SomePhone/1.0', expected: 'desk' },
  { expected: 'desk' },
  { userAgent: `${'Avaya '.repeat(2000)}Android`.slice(0, 256), expected: 'desk' },
];

for (const { expected, ...traits } of CASES) {
  const shown: DeviceTraits = { protocol: 'udp', ...traits };
  t.test(`${shown.protocol} ${shown.userAgent?.slice(0, 60) ?? 'no User-Agent'}`, async (t) => {
    const { deviceClass, client } = deviceOf(shown);
    t.equal([deviceClass, client].filter((part) => part !== undefined).join(' '), expected);
  });
}

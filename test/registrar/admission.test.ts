import t from 'tap';
import { extensionsOfUser, isSoleDevice, refusalOf } from '../../firmware/registrar/admission.ts';
import type { Device } from '../../firmware/registrar/device-class.ts';
import { office } from '../phones/sample-office.ts';

const LICENCES = {
  'essential-edition': {},
  'preferred-edition': {},
  softphone: { count: 5 },
  'power-user': { count: 5 },
  'office-worker': { count: 5 },
};

const DESK: Device = { deviceClass: 'desk' };
const DESKTOP: Device = { deviceClass: 'desktop', client: 'workplace' };
const MOBILE: Device = { deviceClass: 'mobile', client: 'workplace' };
const SOFTPHONE: Device = { deviceClass: 'desktop', client: 'softphone' };
const BROWSER: Device = { deviceClass: 'webrtc', client: 'softphone' };

interface Case {
  readonly title: string;
  readonly licensing?: string;
  readonly user?: object | null;
  readonly extension?: object;
  readonly device: Device;
  readonly from?: string;
  /** Part of why not; undefined where it may. */
  readonly refused?: RegExp;
}

const CASES: readonly Case[] = [
  { title: 'a desk phone', device: DESK },
  { title: 'a disabled account', user: { enabled: false }, device: DESK, refused: /user 201 is not enabled/ },
  { title: 'nobody’s extension', user: null, device: DESK },
  { title: 'a class that fits', extension: { class: 'desk' }, device: DESK },
  {
    title: 'a class that does not fit',
    extension: { class: 'desk' },
    device: MOBILE,
    refused: /class desk, and this is a mobile client/,
  },
  {
    title: 'from the internet',
    device: DESK,
    from: '203.0.113.7',
    refused: /remote worker is not enabled for user 201/,
  },
  { title: 'from the internet over IPv6', device: DESK, from: '2001:db8::7', refused: /remote worker/ },
  { title: 'from the internet, nobody’s', user: null, device: DESK, from: '203.0.113.7', refused: /no user/ },
  { title: 'a remote worker', user: { clients: { remoteWorker: true } }, device: DESK, from: '203.0.113.7' },
  { title: 'from a carrier’s NAT', device: DESK, from: '100.64.1.2' },
  { title: 'from the link', device: DESK, from: 'fe80::1%eth0' },
  { title: 'open licensing: every client', user: { profile: 'non-licensed' }, device: MOBILE },
  { title: 'open licensing: every client of nobody', user: null, device: BROWSER },
  { title: 'non-licensed: a desk phone', licensing: 'perpetual', user: { profile: 'non-licensed' }, device: DESK },
  {
    title: 'non-licensed: no client',
    licensing: 'perpetual',
    user: { profile: 'non-licensed' },
    device: DESKTOP,
    refused: /profile non-licensed of user 201 does not allow a client on a desktop/,
  },
  {
    title: 'basic: a client on a desktop',
    licensing: 'perpetual',
    user: { profile: 'basic', clients: { desktop: true } },
    device: DESKTOP,
  },
  {
    title: 'basic: no mobile client',
    licensing: 'perpetual',
    user: { profile: 'basic', clients: { desktop: true } },
    device: MOBILE,
    refused: /does not allow a mobile client/,
  },
  {
    title: 'basic: no browser',
    licensing: 'perpetual',
    user: { profile: 'basic', clients: { desktop: true, softphone: true } },
    device: BROWSER,
    refused: /does not allow a WebRTC client/,
  },
  {
    title: 'a flag that is not set',
    licensing: 'perpetual',
    user: { profile: 'power' },
    device: MOBILE,
    refused: /clients\.mobile is not enabled for user 201/,
  },
  {
    title: 'a softphone needs its own flag',
    licensing: 'perpetual',
    user: { profile: 'power', clients: { desktop: true } },
    device: SOFTPHONE,
    refused: /clients\.softphone/,
  },
  {
    title: 'power: everything',
    licensing: 'perpetual',
    user: { profile: 'power', clients: { mobile: true } },
    device: MOBILE,
  },
  { title: 'licences and nobody’s client', licensing: 'perpetual', user: null, device: DESKTOP, refused: /no user/ },
];

function officeOf({ licensing = 'open', user = {}, extension = {} }: Omit<Case, 'title' | 'device'>) {
  return office({
    system: { licensing },
    licences: licensing === 'open' ? {} : LICENCES,
    users: user === null ? {} : { 201: { name: 'Reception', ...user } },
    extensions: { 201: { ...(user === null ? {} : { user: '201' }), ...extension } },
  });
}

for (const { title, device, from = '192.168.42.7', refused, ...rest } of CASES) {
  t.test(title, async (t) => {
    const why = refusalOf(officeOf(rest), '201', device, from);
    if (refused === undefined) t.equal(why, undefined);
    else t.match(why, refused);
  });
}

t.test('an extension that is gone', async (t) => {
  t.match(refusalOf(office(), '201', DESK, '192.168.42.7'), /no extension 201/);
});

t.test('a client of a basic user is a sole device, a desk phone is not', async (t) => {
  const basic = officeOf({ licensing: 'perpetual', user: { profile: 'basic', clients: { desktop: true } } });
  t.equal(isSoleDevice(basic, '201', DESKTOP), true);
  t.equal(isSoleDevice(basic, '201', DESK), false);
  t.equal(isSoleDevice(officeOf({ user: { profile: 'basic' } }), '201', DESKTOP), false, 'licensing open');
  t.equal(isSoleDevice(officeOf({ user: null }), '201', DESKTOP), false);
});

t.test('the extensions of a user', async (t) => {
  const configuration = office({
    users: { 201: { name: 'A' }, 202: { name: 'B' } },
    extensions: { 201: { user: '201' }, 205: { user: '201' }, 202: { user: '202' }, 207: {}, 208: {} },
  });
  t.same(extensionsOfUser(configuration, '205'), ['205', '201']);
  t.same(extensionsOfUser(configuration, '202'), ['202']);
  t.same(extensionsOfUser(configuration, '207'), ['207']);
});

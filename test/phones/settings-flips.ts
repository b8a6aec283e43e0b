import type { AskingClient, SettingsInput } from '../../firmware/phones/settings-input.ts';

export interface Flip {
  readonly title: string;
  /** What the office is before; a fresh box unless given. */
  readonly office?: object;
  /** The same office with one thing changed. */
  readonly changed?: object;
  readonly client?: Partial<AskingClient>;
  readonly input?: Partial<SettingsInput>;
  /** Lines for Workplace that go and come, each as often as it does, in the order of the file. */
  readonly lost: readonly string[];
  readonly won: readonly string[];
}

export const CLIENT: AskingClient = {
  address: '192.168.42.1',
  lan: 'lan1',
  isRemote: false,
  userAgent: 'Avaya Communicator/3.0 (x)',
};
export const DESK: Partial<AskingClient> = { userAgent: '' };

export const phones = (phones: object) => ({ system: { phones } });
export const telephony = (telephony: object) => ({ system: { telephony } });
export const media = (media: object) => ({ system: { media } });
export const sip = (sip: object) => ({ system: { sip } });
export const NAMED = { lan1: { registrarFqdn: 'sip.example.com' } };
const CLOUD = { enabled: true, authorization: true };

const feature = (name: string, ...settings: readonly string[]): Flip => ({
  title: `feature ${name}`,
  changed: phones({ features: [name] }),
  lost: settings.map((setting) => `SET ${setting} 0`),
  won: settings.map((setting) => `SET ${setting} 1`),
});

export const FLIPS: readonly Flip[] = [
  {
    title: 'first media port',
    changed: media({ portLow: 46752 }),
    lost: ['SET RTP_PORT_LOW 46750', 'SET RTP_PORT_RANGE 4002'],
    won: ['SET RTP_PORT_LOW 46752', 'SET RTP_PORT_RANGE 4000'],
  },
  {
    title: 'last media port',
    changed: media({ portHigh: 46789 }),
    lost: ['SET RTP_PORT_RANGE 4002'],
    won: ['SET RTP_PORT_RANGE 41'],
  },
  {
    title: 'a codec less',
    changed: media({ codecs: ['PCMA', 'PCMU'] }),
    lost: ['SET ENABLE_G729 1'],
    won: ['SET ENABLE_G729 0'],
  },
  {
    title: 'G.722',
    changed: media({ codecs: ['PCMA', 'PCMU', 'G729', 'G722'] }),
    lost: ['SET ENABLE_G722 0'],
    won: ['SET ENABLE_G722 1'],
  },
  {
    title: 'Opus between clients, said twice as in the sample',
    changed: phones({ otherCodecs: ['OPUS'] }),
    lost: ['SET ENABLE_OPUS 0'],
    won: ['SET ENABLE_OPUS 1', 'SET ENABLE_OPUS 1'],
  },
  {
    title: 'G.726 between clients',
    changed: phones({ otherCodecs: ['G726'] }),
    lost: ['SET ENABLE_G726 0'],
    won: ['SET ENABLE_G726 1'],
  },
  {
    title: 'DTMF payload type',
    changed: media({ dtmfPayloadType: 120 }),
    lost: ['SET DTMF_PAYLOAD_TYPE 101'],
    won: ['SET DTMF_PAYLOAD_TYPE 120'],
  },
  {
    title: 'DSCP of audio',
    changed: media({ dscp: { audio: 40 } }),
    lost: ['SET DSCPAUD 46'],
    won: ['SET DSCPAUD 40'],
  },
  {
    title: 'DSCP of SIP',
    changed: media({ dscp: { signalling: 26 } }),
    lost: ['SET DSCPSIG 34'],
    won: ['SET DSCPSIG 26'],
  },
  {
    title: 'DSCP of video',
    changed: media({ dscp: { video: 40 } }),
    lost: ['SET DSCPVID 46'],
    won: ['SET DSCPVID 40'],
  },
  {
    title: 'media security preferred',
    changed: media({ security: 'preferred' }),
    lost: ['SET MEDIAENCRYPTION 9'],
    won: ['SET MEDIAENCRYPTION "1,2,9"'],
  },
  {
    title: 'media security enforced',
    changed: media({ security: 'enforced' }),
    lost: ['SET MEDIAENCRYPTION 9'],
    won: ['SET MEDIAENCRYPTION "1,2"'],
  },
  {
    title: 'SRTCP',
    changed: media({ encryptSrtcp: true }),
    lost: ['SET ENCRYPT_SRTCP 0'],
    won: ['SET ENCRYPT_SRTCP 1'],
  },
  {
    title: 'TLS version',
    changed: sip({ tlsVersion: '1.0' }),
    lost: ['SET TLS_VERSION 1'],
    won: ['SET TLS_VERSION 0'],
  },
  {
    title: 'SIP domain, with the URIs that have none of their own',
    office: telephony({ conferenceCentre: 'ConfServer', voicemailNumber: 'VM.user' }),
    changed: {
      system: {
        ...telephony({ conferenceCentre: 'ConfServer', voicemailNumber: 'VM.user' }).system,
        sip: { domain: 'example.com' },
      },
    },
    lost: [
      'SET SIPDOMAIN 192.168.42.1',
      'SET CONFERENCE_FACTORY_URI "ConfServer@192.168.42.1"',
      'SET PSTN_VM_NUM "VM.user@192.168.42.1"',
    ],
    won: [
      'SET SIPDOMAIN example.com',
      'SET CONFERENCE_FACTORY_URI "ConfServer@example.com"',
      'SET PSTN_VM_NUM "VM.user@example.com"',
    ],
  },
  {
    title: 'conference centre as a URI',
    changed: telephony({ conferenceCentre: 'conf@other.example' }),
    lost: ['SET CONFERENCE_FACTORY_URI "ConfServer@192.168.42.1"'],
    won: ['SET CONFERENCE_FACTORY_URI "conf@other.example"'],
  },
  {
    title: 'voicemail',
    changed: telephony({ voicemailNumber: '*17' }),
    lost: ['SET PSTN_VM_NUM " "'],
    won: ['SET PSTN_VM_NUM "*17@192.168.42.1"'],
  },
  {
    title: 'TLS not in use',
    changed: sip({ tls: { enabled: false } }),
    lost: ['SET SIP_CONTROLLER_LIST 192.168.42.1:5061;transport=tls'],
    won: ['SET SIP_CONTROLLER_LIST 192.168.42.1:5060;transport=tcp'],
  },
  {
    title: 'UDP alone',
    changed: sip({ tls: { enabled: false }, tcp: { enabled: false } }),
    lost: ['SET SIP_CONTROLLER_LIST 192.168.42.1:5061;transport=tls'],
    won: ['SET SIP_CONTROLLER_LIST 192.168.42.1:5060;transport=udp'],
  },
  {
    title: 'phones over UDP although there is TLS',
    changed: sip({ phoneTransport: 'udp' }),
    lost: ['SET SIP_CONTROLLER_LIST 192.168.42.1:5061;transport=tls'],
    won: ['SET SIP_CONTROLLER_LIST 192.168.42.1:5060;transport=udp'],
  },
  {
    title: 'port of TLS',
    changed: sip({ tls: { port: 5081 } }),
    lost: ['SET SIP_CONTROLLER_LIST 192.168.42.1:5061;transport=tls'],
    won: ['SET SIP_CONTROLLER_LIST 192.168.42.1:5081;transport=tls'],
  },
  {
    title: 'port of TCP',
    office: sip({ phoneTransport: 'tcp' }),
    changed: sip({ phoneTransport: 'tcp', tcp: { port: 5070 } }),
    lost: ['SET SIP_CONTROLLER_LIST 192.168.42.1:5060;transport=tcp'],
    won: ['SET SIP_CONTROLLER_LIST 192.168.42.1:5070;transport=tcp'],
  },
  {
    title: 'port of UDP',
    office: sip({ phoneTransport: 'udp' }),
    changed: sip({ phoneTransport: 'udp', udp: { port: 5070 } }),
    lost: ['SET SIP_CONTROLLER_LIST 192.168.42.1:5060;transport=udp'],
    won: ['SET SIP_CONTROLLER_LIST 192.168.42.1:5070;transport=udp'],
  },
  {
    title: 'TLS that is not served yet',
    input: { ports: { sipUdp: 5060, sipTcp: 5060, http: 80 } },
    lost: ['SET SIP_CONTROLLER_LIST 192.168.42.1:5061;transport=tls'],
    won: ['SET SIP_CONTROLLER_LIST 192.168.42.1:5060;transport=tcp'],
  },
  {
    title: 'HTTPS alone',
    input: { ports: { sipTls: 5061, https: 443 } },
    lost: ['SET HTTPPORT 80', 'SET SETTINGS_FILE_URL "http://192.168.42.1:80/46xxsettings.txt"'],
    won: ['SET SETTINGS_FILE_URL "https://192.168.42.1:443/46xxsettings.txt"'],
  },
  {
    title: 'registrar FQDN',
    changed: NAMED,
    lost: [
      'SET SIP_CONTROLLER_LIST 192.168.42.1:5061;transport=tls',
      'SET SETTINGS_FILE_URL "http://192.168.42.1:80/46xxsettings.txt"',
      'SET FQDN_IP_MAP " "',
    ],
    won: [
      'SET SIP_CONTROLLER_LIST sip.example.com:5061;transport=tls',
      'SET SETTINGS_FILE_URL "http://sip.example.com:80/46xxsettings.txt"',
      'SET FQDN_IP_MAP "sip.example.com=192.168.42.1"',
    ],
  },
  {
    title: 'the registrar FQDN of the other LAN',
    changed: { lan2: { registrarFqdn: 'two.example.com' } },
    lost: [],
    won: [],
  },
  {
    title: 'preferred phone ports, everywhere',
    office: { ...NAMED, system: { push: { apple: true } } },
    changed: { ...NAMED, system: { push: { apple: true }, http: { preferredPhonePorts: true } } },
    lost: [
      'SET HTTPPORT 80',
      'SET SETTINGS_FILE_URL "http://sip.example.com:80/46xxsettings.txt"',
      'SET TELEPHONY_PUSH_NOTIFICATION_SERVICE_URL "https://sip.example.com:443/PushNotification"',
    ],
    won: [
      'SET HTTPPORT 8411',
      'SET SETTINGS_FILE_URL "http://sip.example.com:8411/46xxsettings.txt"',
      'SET TELEPHONY_PUSH_NOTIFICATION_SERVICE_URL "https://sip.example.com:411/PushNotification"',
    ],
  },
  {
    title: 'locale',
    changed: { system: { locale: 'en-US' } },
    lost: ['SET COUNTRY UK', 'SET ISO_SYSTEM_LANGUAGE en_GB'],
    won: ['SET COUNTRY USA', 'SET ISO_SYSTEM_LANGUAGE en_US'],
  },
  {
    title: 'a country of two words',
    changed: { system: { locale: 'en-NZ' } },
    lost: ['SET COUNTRY UK', 'SET ISO_SYSTEM_LANGUAGE en_GB'],
    won: ['SET COUNTRY "New Zealand"', 'SET ISO_SYSTEM_LANGUAGE en_NZ'],
  },
  {
    title: 'messaging server portal',
    changed: telephony({ messagingServer: 'portal' }),
    lost: [
      'SET ENABLE_IPO_PORTAL_MESSAGING 0',
      'SET ENABLE_IM 0',
      'SET IPO_PRESENCE_ENABLED 0',
      'SET IPO_CONTACTS_ENABLED 0',
    ],
    won: [
      'SET ENABLE_IPO_PORTAL_MESSAGING 1',
      'SET ENABLE_IM 1',
      'SET IPO_PRESENCE_ENABLED 1',
      'SET IPO_CONTACTS_ENABLED 1',
    ],
  },
  {
    title: 'messaging server in the cloud',
    changed: telephony({ messagingServer: 'spaces' }),
    lost: ['SET ENABLE_IM 0', 'SET IPO_PRESENCE_ENABLED 0'],
    won: ['SET ENABLE_IM 1', 'SET IPO_PRESENCE_ENABLED 1'],
  },
  {
    title: 'cloud account',
    changed: { system: { cloud: { enabled: true } } },
    lost: ['SET ENABLE_AVAYA_CLOUD_ACCOUNTS 0'],
    won: ['SET ENABLE_AVAYA_CLOUD_ACCOUNTS 1'],
  },
  {
    title: 'cloud authorization',
    office: { system: { cloud: { enabled: true } } },
    changed: { system: { cloud: CLOUD } },
    lost: ['SET SIPSSO 0', 'SET MTCTISSO 0', 'SET AVAYA_CLOUD_ACCOUNTS_URI " "'],
    won: ['SET SIPSSO 2', 'SET MTCTISSO 2', 'SET AVAYA_CLOUD_ACCOUNTS_URI accounts-ipo.avayacloud.com'],
  },
  {
    title: 'account URL',
    office: { system: { cloud: CLOUD } },
    changed: { system: { cloud: { ...CLOUD, accountsUrl: 'accounts.example.com' } } },
    lost: ['SET AVAYA_CLOUD_ACCOUNTS_URI accounts-ipo.avayacloud.com'],
    won: ['SET AVAYA_CLOUD_ACCOUNTS_URI accounts.example.com'],
  },
  {
    title: 'push',
    office: NAMED,
    changed: { ...NAMED, system: { push: { apple: true } } },
    lost: ['SET PUSH_NOTIFICATION_ENABLED 0', 'SET TELEPHONY_PUSH_NOTIFICATION_SERVICE_URL " "'],
    won: [
      'SET PUSH_NOTIFICATION_ENABLED 1',
      'SET TELEPHONY_PUSH_NOTIFICATION_SERVICE_URL "https://sip.example.com:443/PushNotification"',
    ],
  },
  {
    title: 'push of messages',
    office: { ...NAMED, system: { telephony: { messagingServer: 'portal' } } },
    changed: { ...NAMED, system: { telephony: { messagingServer: 'portal' }, push: { apple: true } } },
    lost: [
      'SET PUSH_NOTIFICATION_ENABLED 0',
      'SET TELEPHONY_PUSH_NOTIFICATION_SERVICE_URL " "',
      'SET ENABLE_IPO_PORTAL_MESSAGING_PUSH 0',
    ],
    won: [
      'SET PUSH_NOTIFICATION_ENABLED 1',
      'SET TELEPHONY_PUSH_NOTIFICATION_SERVICE_URL "https://sip.example.com:443/PushNotification"',
      'SET ENABLE_IPO_PORTAL_MESSAGING_PUSH 1',
    ],
  },
  {
    title: 'updates of desktops',
    changed: phones({ desktopUpdatesUrl: 'https://updates.example.com/appcast.xml' }),
    lost: ['SET APPCAST_ENABLED 0', 'SET APPCAST_URL " "'],
    won: [
      'SET APPCAST_ENABLED 1',
      'SET APPCAST_URL "https://updates.example.com/appcast.xml"',
      'SET APPCAST_CHECK_INTERVAL 1',
    ],
  },
  feature('call-log', 'ENABLE_IPO_CALL_LOG'),
  feature('do-not-disturb', 'DND_SAC_LINK'),
  feature('other-phone', 'IPO_OTHER_PHONE_MODE_ENABLED'),
  feature('recording', 'IPO_CALL_RECORDING_ENABLED'),
  feature('shared-control', 'IPO_SHARE_CONTROLLED_SOFTPHONE_ENABLED'),
  feature('auto-answer', 'AUTO_ANSWER'),
  feature('handover', 'IPO_CALL_HANDOVER_ENABLED'),
  {
    title: 'feature conference-controls',
    changed: phones({ features: ['conference-controls'] }),
    lost: ['SET IPO_CONFERENCE_CONTROLS_ENABLED 0', 'SET IPO_ADHOC_CONFERENCE_NAME " "'],
    won: ['SET IPO_CONFERENCE_CONTROLS_ENABLED 1', 'SET IPO_ADHOC_CONFERENCE_NAME "Conf fa"'],
  },
  {
    title: 'feature subscriptions',
    changed: phones({ features: ['subscriptions'] }),
    lost: ['SET SUBSCRIBE_LIST_NON_AVAYA " "'],
    won: ['SET SUBSCRIBE_LIST_NON_AVAYA "reg,message-summary,avaya-ccs-profile"'],
  },
  {
    title: 'the form of release 12 leaves out what it need not say',
    changed: phones({ fileForm: 'r12' }),
    lost: [
      'SET FQDN_IP_MAP " "',
      'SET APPCAST_URL " "',
      'SET TELEPHONY_PUSH_NOTIFICATION_SERVICE_URL " "',
      'SET ENABLE_IPO_PORTAL_MESSAGING_PUSH 0',
      'SET CONTACT_MATCHING_MIN_DIGITS 10',
      'SET CELLULAR_DIRECT_ENABLED 0',
      'SET CELLULAR_DIRECT_NUMBER_LIST " "',
    ],
    won: [],
  },
  {
    title: 'the form of release 11 after that of release 12',
    office: phones({ fileForm: 'r12' }),
    changed: phones({ fileForm: 'r11' }),
    lost: [
      'SET SIPSSO 0',
      'SET MTCTISSO 0',
      'SET AVAYA_CLOUD_ACCOUNTS_URI " "',
      'SET USBLOGINSTAT 0',
      'SET ENHDIALSTAT 0',
      '# PRODUCT_LINE_SETTINGS',
    ],
    won: ['SET FQDN_IP_MAP "192.168.42.1=192.168.42.1"'],
  },
  {
    title: 'another LAN',
    office: { ...NAMED, lan2: { registrarFqdn: 'two.example.com' } },
    client: { lan: 'lan2' },
    lost: [
      'SET SIP_CONTROLLER_LIST sip.example.com:5061;transport=tls',
      'SET SETTINGS_FILE_URL "http://sip.example.com:80/46xxsettings.txt"',
      'SET FQDN_IP_MAP "sip.example.com=192.168.42.1"',
    ],
    won: [
      'SET SIP_CONTROLLER_LIST two.example.com:5061;transport=tls',
      'SET SETTINGS_FILE_URL "http://two.example.com:80/46xxsettings.txt"',
      'SET FQDN_IP_MAP "two.example.com=192.168.42.1"',
    ],
  },
  {
    title: 'IPv6 without a name',
    client: { address: 'fd00:42::1' },
    lost: [
      '## Ringdown/1.2.3 192.168.42.1 AUTOGENERATED',
      'SET SIPDOMAIN 192.168.42.1',
      'SET SIP_CONTROLLER_LIST 192.168.42.1:5061;transport=tls',
      'SET CONFERENCE_FACTORY_URI "ConfServer@192.168.42.1"',
      'SET SETTINGS_FILE_URL "http://192.168.42.1:80/46xxsettings.txt"',
    ],
    won: [
      '## Ringdown/1.2.3 fd00:42::1 AUTOGENERATED',
      'SET SIPDOMAIN [fd00:42::1]',
      'SET SIP_CONTROLLER_LIST [fd00:42::1]:5061;transport=tls',
      'SET CONFERENCE_FACTORY_URI "ConfServer@[fd00:42::1]"',
      'SET SETTINGS_FILE_URL "http://[fd00:42::1]:80/46xxsettings.txt"',
    ],
  },
  {
    title: 'IPv6 with a name',
    office: { ...NAMED, system: { sip: { domain: 'example.com' } } },
    client: { address: 'fd00:42::1' },
    lost: ['## Ringdown/1.2.3 192.168.42.1 AUTOGENERATED', 'SET FQDN_IP_MAP "sip.example.com=192.168.42.1"'],
    won: ['## Ringdown/1.2.3 fd00:42::1 AUTOGENERATED', 'SET FQDN_IP_MAP "sip.example.com=fd00:42::1"'],
  },
  {
    title: 'a remote client',
    office: NAMED,
    client: { isRemote: true },
    lost: [
      'SET SETTINGS_FILE_URL "http://sip.example.com:80/46xxsettings.txt"',
      'SET FQDN_IP_MAP "sip.example.com=192.168.42.1"',
    ],
    won: ['SET SETTINGS_FILE_URL "https://sip.example.com:443/46xxsettings.txt"', 'SET FQDN_IP_MAP " "'],
  },
  {
    title: 'the profile of a user with a basic client',
    office: {
      system: {
        licensing: 'perpetual',
        telephony: { messagingServer: 'portal' },
        phones: { features: ['other-phone', 'recording', 'shared-control', 'handover'] },
      },
    },
    client: { profile: 'basic' },
    lost: [
      'SET ENABLE_IPO_PORTAL_MESSAGING 1',
      'SET ENABLE_IM 1',
      'SET IPO_PRESENCE_ENABLED 1',
      'SET IPO_CONTACTS_ENABLED 1',
      'SET IPO_OTHER_PHONE_MODE_ENABLED 1',
      'SET IPO_SHARE_CONTROLLED_SOFTPHONE_ENABLED 1',
      'SET IPO_CALL_HANDOVER_ENABLED 1',
    ],
    won: [
      'SET ENABLE_IPO_PORTAL_MESSAGING 0',
      'SET ENABLE_IM 0',
      'SET IPO_PRESENCE_ENABLED 0',
      'SET IPO_CONTACTS_ENABLED 0',
      'SET IPO_OTHER_PHONE_MODE_ENABLED 0',
      'SET IPO_SHARE_CONTROLLED_SOFTPHONE_ENABLED 0',
      'SET IPO_CALL_HANDOVER_ENABLED 0',
    ],
  },
];

/** What only desk phones read. */
export const DESK_FLIPS: readonly Flip[] = [
  {
    title: 'time zone, for J100, Vantage and 96x1',
    changed: { system: { timeZone: 'America/New_York' } },
    lost: [...forEachFamily('SET GMTOFFSET 0:00', 'SET DAYLIGHT_SAVING_SETTING_MODE 0')],
    won: [
      ...forEachFamily(
        'SET GMTOFFSET -5:00',
        'SET DAYLIGHT_SAVING_SETTING_MODE 2',
        'SET DSTOFFSET 1',
        'SET DSTSTART 2SunMar2L',
        'SET DSTSTOP 1SunNov2L',
      ),
    ],
  },
  {
    title: 'time servers',
    changed: { system: { timeServers: ['ntp.example.com', '192.168.42.5'] } },
    lost: [],
    won: [...forEachFamily('SET SNTPSRVR "ntp.example.com,192.168.42.5"')],
  },
  {
    title: 'an emergency number of its own',
    changed: { emergencyNumbers: { 5555: {} } },
    lost: [...forEachFamily('SET PHNMOREEMERGNUMS 112')],
    won: [...forEachFamily('SET PHNMOREEMERGNUMS "112,5555"')],
  },
  {
    title: 'voicemail lights the lamp',
    changed: telephony({ voicemailNumber: '*17' }),
    lost: ['SET PSTN_VM_NUM " "'],
    won: ['SET PSTN_VM_NUM "*17@192.168.42.1"', 'SET MWISRVR 192.168.42.1', 'SET MWISRVR 192.168.42.1'],
  },
  {
    title: 'no HTTPS yet: phones must get files over HTTP',
    input: { ports: { sipTls: 5061, http: 80 } },
    lost: [...forEachFamily('SET TLSSRVR 192.168.42.1', 'SET TLSPORT 443', 'SET AUTH 1')],
    won: [...forEachFamily('SET AUTH 0')],
  },
];

/** In the sections of J100, Vantage and 96x1 alike. */
function forEachFamily(...lines: readonly string[]): readonly string[] {
  return [...lines, ...lines, ...lines];
}

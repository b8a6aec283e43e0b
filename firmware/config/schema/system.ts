import { dialPlanFields } from './dialling.ts';
import {
  choice,
  flag,
  group,
  hostName,
  line,
  list,
  NAME_KEY,
  NUMBER_KEY,
  name,
  reference,
  secret,
  shaped,
  single,
  whole,
  word,
} from './kinds.ts';

/** What the media worker speaks. */
export const CODEC_NAMES = ['PCMA', 'PCMU', 'G729', 'G722', 'G726', 'OPUS'] as const;
/** Wideband for its own sake is for who wants it: it takes more to turn it into another codec. G.726 is for phones that need it. */
const DEFAULT_CODECS = ['PCMA', 'PCMU', 'G729'] as const;
export const MEDIA_SECURITY = ['disabled', 'preferred', 'enforced'] as const;
/** What clients may be told to prefer although the box is not to speak it. */
export const OTHER_CODEC_NAMES = ['OPUS', 'G726'] as const;
/** Call features of Workplace clients that need a server behind them. */
export const CLIENT_FEATURES = [
  'call-log',
  'subscriptions',
  'do-not-disturb',
  'conference-controls',
  'other-phone',
  'recording',
  'shared-control',
  'auto-answer',
  'handover',
] as const;
export type ClientFeature = (typeof CLIENT_FEATURES)[number];

const NOT_YET = { unused: true } as const;

const dscp = (title: string, preset: number) => whole(title, 0, 63, preset);

const transport = (title: string, preset: number, enabled = true) =>
  group(title, { enabled: flag('in use', enabled), port: whole('port', 1, 65535, preset) });

export const system = single('System', 'system', {
  name: { ...name('System name', 64), default: 'Ringdown' },
  locale: shaped('Locale: language and region', '^[a-z]{2}-[A-Z]{2}$', 'a language and a region, such as en-GB', {
    default: 'en-GB',
  }),
  timeZone: line('Time zone, as in the IANA database', 64, { default: 'UTC' }),
  timeServers: list('Time servers that phones ask', { ...hostName('Time server'), minLength: 1 }, 4),
  sip: group('SIP registrar', {
    domain: shaped(
      'SIP domain name; empty: clients use the address by which they reach the box',
      '^[a-zA-Z0-9.:-]*$',
      'a domain name or an address',
      { default: '' },
    ),
    udp: transport('SIP over UDP', 5060),
    tcp: transport('SIP over TCP', 5060),
    tls: transport('SIP over TLS', 5061),
    phoneTransport: choice(
      'Transport that phones register over; safest: TLS where it is in use, then TCP, then UDP',
      ['safest', 'tls', 'tcp', 'udp'],
      'safest',
    ),
    tlsVersion: choice('Oldest TLS version that phones use', ['1.0', '1.2'], '1.2'),
    webSocket: transport('SIP over WebSocket', 5066, false),
    secureWebSocket: transport('SIP over secure WebSocket, as browsers want it', 9443, false),
    minExpirySeconds: whole('Shortest time that a device registers for', 60, 3600, 60, { unit: 's' }),
    maxExpirySeconds: whole('Longest time that a device registers for', 60, 86400, 3600, { unit: 's' }),
    devicesPerClass: whole('Devices of one class that a user has at a time; the newest wins', 1, 5, 1),
    challengeExpirySeconds: whole('Challenge expiry time', 1, 3600, 10, { unit: 's' }),
    autoCreateExtensions: flag(
      'Auto-create extension and user for phones of a LAN that register with the default password; ends by itself after 24 hours',
      false,
    ),
    defaultExtensionPassword: secret(
      'Default extension password: that of extensions that are auto-created',
      'recoverable',
    ),
    defence: group('Defence against strangers', {
      packetsPerSecond: whole('Packets that one address may send a second', 20, 100000, 500),
      failedLogins: whole('Failed logins after which an address is blocked', 3, 1000, 10),
      blockSeconds: whole('Time that it stays blocked', 10, 604800, 600, { unit: 's' }),
      allowList: list(
        'Addresses or networks that are never slowed down or blocked',
        shaped('Address', '^[0-9a-fA-F:.]{2,45}(?:/\\d{1,3})?$', 'an IP address or a network such as 192.168.42.0/24'),
        32,
      ),
    }),
  }),
  http: group('Phone files over HTTP', {
    preferredPhonePorts: flag('Use preferred phone ports: 8411 and 411 for 80 and 443', false),
    avayaClientsOnly: flag('Avaya HTTP clients only', false),
  }),
  media: group('Media', {
    portLow: whole('First UDP port for media', 1024, 65534, 46750),
    portHigh: whole('Last UDP port for media', 1025, 65535, 50750),
    codecs: list('Codecs in order of preference', word('Codec', CODEC_NAMES), CODEC_NAMES.length, {
      default: DEFAULT_CODECS,
    }),
    directMedia: flag(
      'Direct media: phones of one LAN that share a codec send to each other, and not through the box',
      true,
    ),
    dtmfPayloadType: whole('RTP payload type of DTMF (telephone-event) that phones offer', 96, 127, 101),
    security: choice(
      'Media security: SRTP is not spoken, spoken with whom it can be, or with nobody who does not',
      MEDIA_SECURITY,
      'disabled',
    ),
    encryptSrtcp: flag('SRTCP is encrypted too', false),
    timeoutSeconds: whole(
      'Media time-out: a call ends when a party that should send has not for so long; ten times as long where pauses are not sent; 0: never',
      0,
      3600,
      60,
      { unit: 's' },
    ),
    threads: whole('Threads that move media, changed when no call is up; 0: one less than processor cores', 0, 16, 0),
    dscp: group('DiffServ code points', {
      audio: dscp('DSCP of audio', 46),
      video: dscp('DSCP of video', 46),
      signalling: dscp('DSCP of SIP', 34),
    }),
  }),
  telephony: group('Telephony', {
    noAnswerSeconds: whole('Default no-answer time', 6, 99999, 15, { unit: 's' }),
    dialPlan: group('Dial plan of users who have none of their own', {
      enabled: flag('in use', false),
      ...dialPlanFields,
    }),
    classOfService: reference(
      'Class of service of users who have none; left out: national calls, and none abroad',
      NAME_KEY,
    ),
    trunkToTrunk: choice(
      'Calls that come over a line and leave by one: forwarded are those that a user forwards or twins',
      ['never', 'forwarded'],
      'never',
    ),
    declinePolicy: choice(
      'What a call gets that is declined: busy tries what stands for busy, decline ends it',
      ['busy', 'decline'],
      'busy',
    ),
    parkReminderSeconds: whole(
      'Time after which the devices of whoever parked a call ring, and again each time, for an hour at most',
      10,
      1800,
      300,
      { unit: 's' },
    ),
    conferenceCentre: line('Conference centre: a number or URI; empty: none', 127, { default: 'ConfServer' }),
    conferenceSpeakers: whole('Speakers of a conference who are heard at a time, the loudest', 1, 8, 3),
    voicemailNumber: line('Voicemail that clients call: a number or URI', 127),
    messagingServer: choice(
      'Messaging server: gives clients presence and messages',
      ['none', 'portal', 'spaces'],
      'none',
    ),
  }),
  tollFraud: group('Toll fraud: what of outside calls looks like it', {
    action: choice(
      'What happens then: a notice, or a notice and no such calls of that user for an hour',
      ['notice', 'block'],
      'notice',
    ),
    callsAtOnce: whole('Outside calls of one user at once; 0: any number', 0, 128, 0),
    callsPerHour: whole('Outside calls of one user in an hour; 0: any number', 0, 9999, 120),
    internationalPerHour: whole('International calls of one user in an hour; 0: any number', 0, 9999, 20),
    nightCallsPerHour: whole('Outside calls of one user in an hour at night; 0: any number', 0, 9999, 10),
    nightFromHour: whole('Hour at which the night begins', 0, 23, 22),
    nightToHour: whole('Hour at which the night ends', 0, 23, 6),
    repeatedCalls: whole('Calls of one user to one number within ten minutes; 0: any number', 0, 999, 15),
    suspectPrefixes: list(
      'Numbers in international form that begin so count as five',
      shaped('Prefix', '^\\+[0-9]{1,7}$', 'a plus sign and 1 to 7 digits'),
      64,
    ),
  }),
  calls: group('Call records and call logs', {
    recordDays: whole('Days that records of calls and the users’ call logs are kept', 1, 3650, 180),
    recordsKept: whole('Call records kept at most; the oldest go first', 100, 1000000, 100000),
  }),
  lamps: group('Lamps that show the calls of other extensions', {
    watchers: choice('Who may watch the calls of another extension', ['everybody', 'nobody'], 'everybody'),
    identities: flag('Watchers see with whom an extension talks', false),
    pickUp: flag('Watchers are told what a phone needs to pick up a call that rings there', true),
  }),
  voicemail: group('Voicemail', {
    totalMinutes: whole('Messages of all users together', 10, 900, 900, { unit: 'min' }),
    userMinutes: whole('Messages of one user', 1, 900, 30, { unit: 'min' }),
    messageSeconds: whole('Longest message', 10, 240, 120, { unit: 's' }),
    messageDays: whole('Days that messages are kept; 0: until they are deleted', 0, 3650, 0),
    keepFreeMegabytes: whole('Space on the disk that messages leave free', 10, 100000, 200, { unit: 'MB' }),
  }),
  recording: group('Recording of calls by their users', {
    warning: choice(
      'What both sides hear of it: words when it begins, a tone again and again, or nothing',
      ['words', 'tone', 'none'],
      'words',
    ),
    maxMinutes: whole('Longest recording', 1, 180, 30, { unit: 'min' }),
  }),
  emergency: group('Emergency calls', {
    lineGroup: line('Outgoing group of lines, or name of an ARS route; empty: as other calls, then every line', 64),
    location: reference('Location of who has none', NAME_KEY),
    callBackSeconds: whole('Time in which help that calls back reaches who called', 0, 86400, 3600, { unit: 's' }),
    notify: list(
      'Users and hunt groups whose telephones ring and show who calls help, and from where',
      shaped('Number', NUMBER_KEY.pattern, NUMBER_KEY.rule),
      16,
    ),
  }),
  cloud: group('Cloud services', {
    enabled: flag('Enable cloud account', false),
    authorization: flag('Enable cloud account authorization', false),
    accountsUrl: hostName('Account URL', { default: 'accounts-ipo.avayacloud.com' }),
    companyDomain: hostName('Company domain', NOT_YET),
    profileName: line('Profile name', 64, NOT_YET),
  }),
  push: group('Push notification services', {
    apple: flag('Enable Apple push notification services', false),
  }),
  phones: group('Files for phones and clients', {
    fileForm: choice(
      'Form of 46xxsettings.txt: complete says everything; r12 and r11 say what those releases of the system do',
      ['complete', 'r12', 'r11'],
      'complete',
    ),
    features: list(
      'Call features that Workplace clients offer; name only what a server beside the box does, since it does none yet',
      word('Feature', CLIENT_FEATURES),
      CLIENT_FEATURES.length,
    ),
    otherCodecs: list(
      'Codecs that clients are told to prefer, though the box is not to speak them',
      word('Codec', OTHER_CODEC_NAMES),
      OTHER_CODEC_NAMES.length,
    ),
    desktopUpdatesUrl: shaped(
      'URL of the list of updates for Workplace on desktops; empty: they look for none',
      '^(?:https?://[!#-~]+)?$',
      'a URL that begins with http:// or https://',
      { default: '' },
    ),
  }),
  licensing: choice(
    'Licensing: open allows every user every client; else licences decide',
    ['open', 'perpetual', 'subscription'],
    'open',
  ),
  backupsKept: whole('Backups kept', 2, 100, 14),
});

const address = (title: string, preset: string) =>
  shaped(title, '^(?:\\d{1,3}\\.){3}\\d{1,3}$', 'an IPv4 address', { default: preset });

const lan = (title: string, table: string, subnet: number) =>
  single(title, table, {
    ipv4: group('IPv4', {
      address: address('IP address', `192.168.${subnet}.1`),
      prefixLength: whole('Length of the network prefix', 8, 30, 24),
    }),
    dhcp: group('DHCP', {
      mode: choice('DHCP mode', ['disabled', 'server', 'client'], 'disabled', NOT_YET),
      poolFirst: address('First address that the server gives', `192.168.${subnet}.50`),
      poolSize: whole('Number of DHCP IP addresses', 1, 999, 150, NOT_YET),
    }),
    ipv6: group('IPv6', {
      mode: choice(
        'IPv6 mode: own is an address of the prefix that this box made for itself',
        ['own', 'static', 'disabled'],
        'own',
      ),
      addresses: list(
        'Addresses in mode static, with prefix length',
        shaped(
          'Address',
          '^[0-9a-fA-F:.]{2,45}/\\d{1,3}$',
          'an IPv6 address with its prefix length, such as fd00::1/64',
        ),
        4,
      ),
    }),
    firewallZone: choice('Firewall zone', ['trusted', 'untrusted'], 'trusted', NOT_YET),
    sipRegistrar: flag('SIP registrar enabled', true),
    registrarFqdn: hostName('SIP registrar FQDN; must resolve to this box'),
  });

export const lan1 = lan('LAN1', 'lan1', 42);
export const lan2 = lan('LAN2', 'lan2', 43);

export const noUser = single('NoUser', 'no_user', {
  sourceNumbers: list('Source numbers', line('Source number', 127), 64),
});

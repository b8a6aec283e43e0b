import { choice, flag, group, hostName, line, list, name, shaped, single, whole, word } from './kinds.ts';

/** What the media worker speaks. */
export const CODEC_NAMES = ['PCMA', 'PCMU', 'G729'] as const;
export const MEDIA_SECURITY = ['disabled', 'preferred', 'enforced'] as const;

const NOT_YET = { unused: true } as const;

const dscp = (title: string, preset: number) => whole(title, 0, 63, preset, NOT_YET);

const port = (title: string, preset: number, extra: { readonly unused?: true } = {}) =>
  whole(title, 1, 65535, preset, extra);

const transport = (title: string, preset: number) =>
  group(title, { enabled: flag('in use', true), port: port('port', preset) }, NOT_YET);

export const system = single('System', 'system', {
  name: { ...name('System name', 64), default: 'Ringdown' },
  locale: shaped('Locale: language and region', '^[a-z]{2}-[A-Z]{2}$', 'a language and a region, such as en-GB', {
    default: 'en-GB',
  }),
  timeZone: line('Time zone, as in the IANA database', 64, { default: 'UTC', ...NOT_YET }),
  timeServers: list('Time servers', { ...hostName('Time server'), minLength: 1 }, 4, NOT_YET),
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
    challengeExpirySeconds: whole('Challenge expiry time', 1, 3600, 10, { unit: 's', ...NOT_YET }),
    autoCreateExtensions: flag('Auto-create extension and user', false, NOT_YET),
  }),
  http: group('Phone files over HTTP', {
    preferredPhonePorts: flag('Use preferred phone ports: 8411 and 411 for 80 and 443', false, NOT_YET),
    avayaClientsOnly: flag('Avaya HTTP clients only', false, NOT_YET),
  }),
  media: group('Media', {
    portLow: whole('First UDP port for media', 1024, 65534, 46750),
    portHigh: whole('Last UDP port for media', 1025, 65535, 50750),
    codecs: list('Codecs in order of preference', word('Codec', CODEC_NAMES), CODEC_NAMES.length, {
      default: CODEC_NAMES,
    }),
    security: choice('Media security', MEDIA_SECURITY, 'disabled', NOT_YET),
    dscp: group('DiffServ code points', {
      audio: dscp('DSCP of audio', 46),
      video: dscp('DSCP of video', 46),
      signalling: dscp('DSCP of SIP', 34),
    }),
  }),
  telephony: group('Telephony', {
    noAnswerSeconds: whole('Default no-answer time', 6, 99999, 15, { unit: 's', ...NOT_YET }),
    conferenceCentre: line('Conference centre: a number or URI', 127, NOT_YET),
    messagingServer: choice('Messaging server', ['none', 'portal', 'spaces'], 'none', NOT_YET),
  }),
  cloud: group('Cloud services', {
    enabled: flag('Enable cloud account', false, NOT_YET),
    authorization: flag('Enable cloud account authorization', false, NOT_YET),
    accountsUrl: hostName('Account URL', { default: 'accounts-ipo.avayacloud.com', ...NOT_YET }),
    companyDomain: hostName('Company domain', NOT_YET),
    profileName: line('Profile name', 64, NOT_YET),
  }),
  push: group('Push notification services', {
    apple: flag('Enable Apple push notification services', false, NOT_YET),
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
    sipRegistrar: flag('SIP registrar enabled', true, NOT_YET),
    registrarFqdn: hostName('SIP registrar FQDN; must resolve to this box', NOT_YET),
  });

export const lan1 = lan('LAN1', 'lan1', 42);
export const lan2 = lan('LAN2', 'lan2', 43);

export const noUser = single('NoUser', 'no_user', {
  sourceNumbers: list('Source numbers', line('Source number', 127), 64, NOT_YET),
});

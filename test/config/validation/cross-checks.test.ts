import { generateKeyPairSync } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import t from 'tap';
import { formatPath } from '../../../firmware/config/path.ts';
import { InvalidConfigurationError } from '../../../firmware/config/validation/issue.ts';
import { validate } from '../../../firmware/config/validation/validate.ts';

const [CERTIFICATE = '', OTHER_CERTIFICATE = ''] = rootCertificates;
const KEY = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const padded = CERTIFICATE.replace(/\n-----END/, `\n${Buffer.from('a key').toString('base64')}\n-----END`);

const codes = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`*${index}`, {}]));

interface Case {
  readonly title: string;
  /** A whole configuration, defaults left out. */
  readonly candidate: object;
  /** Paths that are complained about, in any order; none: it is right. */
  readonly paths?: readonly string[];
  readonly warnings?: readonly string[];
}

const users = { 201: { name: 'Reception' }, 202: { name: 'Workshop' } };
const PUSH = { push: { apple: true } };
const fqdn = { registrarFqdn: 'sip.example.com' };
const member = (user: string) => ({ user });

const CASES: readonly Case[] = [
  { title: 'nothing but defaults', candidate: {} },
  {
    title: 'an ordinary office',
    candidate: {
      users,
      extensions: { 201: { user: '201' } },
      huntGroups: { 300: { name: 'Sales', members: [member('201')] } },
    },
  },

  {
    title: 'lines of a carrier and of another box',
    candidate: {
      lines: {
        1: { domain: 'sip.example.net', userName: 'office', numbers: { send: 'e164', countryCode: '49' } },
        2: { domain: '2001:db8::7', registers: false, peers: ['198.51.100.0/24', '2001:db8::/64'] },
        3: { enabled: false },
      },
    },
  },
  {
    title: 'lines with hosts and networks that are none',
    candidate: {
      lines: {
        1: { domain: '198.51.100.300', userName: 'office' },
        2: { domain: 'a.example', proxy: 'fd00:::1', registrar: '1.2.3', registers: false, peers: ['10.0.0.0/40'] },
      },
    },
    paths: ['lines.1.domain', 'lines.2.proxy', 'lines.2.registrar', 'lines.2.peers.0'],
  },
  {
    title: 'lines that lead nowhere yet',
    candidate: { lines: { 1: {}, 2: { proxy: 'a.example' } } },
    warnings: ['lines.1.domain', 'lines.2.userName'],
  },
  {
    title: 'a format of numbers without the country that it is for',
    candidate: { lines: { 1: { enabled: false, numbers: { send: 'e164', receive: 'national' } } } },
    paths: ['lines.1.numbers.send', 'lines.1.numbers.receive'],
  },

  {
    title: 'a group with the number of a user',
    candidate: { users, huntGroups: { 201: { name: 'Sales' } } },
    paths: ['huntGroups.201'],
  },
  {
    title: 'a group with the number of an extension',
    candidate: { extensions: { 300: {} }, huntGroups: { 300: { name: 'Sales' } } },
    paths: ['huntGroups.300'],
  },
  {
    title: 'an extension with the number of another user',
    candidate: { users, extensions: { 201: { user: '202' } } },
    paths: ['extensions.201.user'],
  },
  {
    title: 'a second extension of a user',
    candidate: { users, extensions: { 201: { user: '201' }, 2010: { user: '201' } } },
  },
  { title: 'an extension without a user', candidate: { extensions: { 250: {} } } },
  {
    title: 'a name twice, but for case and blanks',
    candidate: { users: { 201: { name: 'Anna' }, 202: { name: ' anna' } } },
    paths: ['users.202.name'],
  },
  {
    title: 'a group with the name of a user',
    candidate: { users, huntGroups: { 300: { name: 'Reception' } } },
    paths: ['huntGroups.300.name'],
  },
  {
    title: 'a full name twice',
    candidate: { users: { 201: { name: 'a', fullName: 'Anna' }, 202: { name: 'b', fullName: 'Anna' } } },
  },
  {
    title: 'an e-mail address twice',
    candidate: { users: { 201: { name: 'a', email: 'x@example.com' }, 202: { name: 'b', email: 'X@example.com' } } },
    paths: ['users.202.email'],
  },

  {
    title: 'a class of service that is not there, of the system, a user and user rights',
    candidate: {
      system: { telephony: { classOfService: 'A' } },
      users: { 201: { name: 'x', classOfService: 'B' } },
      userRights: { Guests: { classOfService: 'C' } },
    },
    paths: ['system.telephony.classOfService', 'users.201.classOfService', 'userRights.Guests.classOfService'],
  },
  {
    title: 'a time profile that is not there, wherever one is named',
    candidate: {
      users: { 201: { name: 'x', twinning: { timeProfile: 'A' } } },
      huntGroups: { 300: { name: 'y', nightService: { timeProfile: 'A' } } },
      lines: { 1: { enabled: false } },
      incomingRoutes: { All: { destination: '201', timeProfile: 'A' } },
      arsRoutes: { Main: { timeProfile: 'A', codes: [{ timeProfile: 'A' }] } },
      classesOfService: { Office: { timeProfile: 'A' } },
    },
    paths: [
      'users.201.twinning.timeProfile',
      'huntGroups.300.nightService.timeProfile',
      'incomingRoutes.All.timeProfile',
      'classesOfService.Office.timeProfile',
      'arsRoutes.Main.timeProfile',
      'arsRoutes.Main.codes.0.timeProfile',
    ],
  },
  {
    title: 'twinning with oneself, and with nobody',
    candidate: { users: { 201: { name: 'x', internalTwinning: '201' }, 202: { name: 'y', internalTwinning: '299' } } },
    paths: ['users.201.internalTwinning', 'users.202.internalTwinning'],
  },
  {
    title: 'routes and classes that lead back to themselves',
    candidate: {
      arsRoutes: {
        A: { alternateRoute: 'B' },
        B: { alternateRoute: 'A' },
        C: { outOfHoursRoute: 'C' },
        D: { alternateRoute: 'A' },
      },
      classesOfService: { E: { otherwise: 'E' } },
    },
    paths: [
      'arsRoutes.A.alternateRoute',
      'arsRoutes.B.alternateRoute',
      'arsRoutes.C.outOfHoursRoute',
      'classesOfService.E.otherwise',
    ],
  },
  {
    title: 'times that are none',
    candidate: {
      timeProfiles: { Day: { times: [{ days: [] }, { begins: '09:00', ends: '09:00' }], exceptDates: ['2026-02-30'] } },
    },
    paths: ['timeProfiles.Day.times.0.days', 'timeProfiles.Day.times.1.ends', 'timeProfiles.Day.exceptDates.0'],
  },
  {
    title: 'an emergency that is told to nobody, from nowhere',
    candidate: { system: { emergency: { notify: ['299'], location: 'Moon' } } },
    paths: ['system.emergency.location', 'system.emergency.notify.0'],
  },

  {
    title: 'an emergency number of the locale as user',
    candidate: { users: { 999: { name: 'x' } } },
    paths: ['users.999'],
  },
  { title: 'the same where it is none', candidate: { system: { locale: 'de-DE' }, users: { 999: { name: 'x' } } } },
  {
    title: '112 everywhere',
    candidate: { system: { locale: 'ja-JP' }, extensions: { 112: {} } },
    paths: ['extensions.112'],
  },
  {
    title: 'an emergency number that was added',
    candidate: { emergencyNumbers: { 5555: {} }, huntGroups: { 5555: { name: 'x' } } },
    paths: ['huntGroups.5555'],
  },
  {
    title: 'a short code that shadows one',
    candidate: { shortCodes: { 999: { feature: 'dial' } } },
    paths: ['shortCodes.999'],
  },
  {
    title: 'a short code that dials it',
    candidate: { shortCodes: { 999: { feature: 'dial-emergency', telephoneNumber: '999' } } },
  },
  {
    title: 'a short code of a user',
    candidate: { users: { 201: { name: 'x', shortCodes: { 112: { feature: 'barred' } } } } },
    paths: ['users.201.shortCodes.112'],
  },
  {
    title: 'a short code of user rights',
    candidate: { userRights: { Guests: { shortCodes: { 112: { feature: 'barred' } } } } },
    paths: ['userRights.Guests.shortCodes.112'],
  },

  {
    title: 'an extension of nobody there',
    candidate: { extensions: { 201: { user: '201' } } },
    paths: ['extensions.201.user'],
  },
  {
    title: 'a location that is not there',
    candidate: { extensions: { 250: { location: 'Attic' } } },
    paths: ['extensions.250.location'],
  },
  {
    title: 'user rights that are not there',
    candidate: { users: { 201: { name: 'x', userRights: 'Guests' } } },
    paths: ['users.201.userRights'],
  },
  {
    title: 'members who are not there, or twice',
    candidate: { users, huntGroups: { 300: { name: 'x', members: ['201', '299', '201'].map(member) } } },
    paths: ['huntGroups.300.members.1.user', 'huntGroups.300.members.2.user'],
  },
  {
    title: 'overflow to itself',
    candidate: { huntGroups: { 300: { name: 'x', overflow: { group: '300' } } } },
    paths: ['huntGroups.300.overflow.group'],
  },
  {
    title: 'night service to nobody',
    candidate: { huntGroups: { 300: { name: 'x', nightService: { group: '301' } } } },
    paths: ['huntGroups.300.nightService.group'],
  },
  {
    title: 'a route of no line to nobody',
    candidate: { incomingRoutes: { Main: { lineGroup: 5, destination: '201', fallback: '202' } } },
    paths: ['incomingRoutes.Main.lineGroup', 'incomingRoutes.Main.destination', 'incomingRoutes.Main.fallback'],
  },
  {
    title: 'a route that leads somewhere',
    candidate: {
      users,
      lines: { 1: { enabled: false, incomingGroup: 5 } },
      incomingRoutes: { Main: { lineGroup: 5, destination: '201' } },
    },
  },
  {
    title: 'an emergency number of no place',
    candidate: { emergencyNumbers: { 5555: { location: 'Attic' } } },
    paths: ['emergencyNumbers.5555.location'],
  },

  {
    title: 'an address beyond 255',
    candidate: { lan1: { ipv4: { address: '192.168.42.256' } } },
    paths: ['lan1.ipv4.address'],
  },
  { title: 'loopback', candidate: { lan1: { ipv4: { address: '127.0.0.1' } } }, paths: ['lan1.ipv4.address'] },
  { title: 'multicast', candidate: { lan1: { ipv4: { address: '224.0.0.1' } } }, paths: ['lan1.ipv4.address'] },
  {
    title: 'the address of the network',
    candidate: { lan1: { ipv4: { address: '192.168.50.0' } } },
    paths: ['lan1.ipv4.address'],
  },
  {
    title: 'the broadcast address',
    candidate: { lan1: { ipv4: { address: '192.168.50.255' } } },
    paths: ['lan1.ipv4.address'],
  },
  {
    title: 'the same host part in a larger network',
    candidate: { lan1: { ipv4: { address: '10.0.1.0', prefixLength: 16 } } },
  },
  {
    title: 'LANs that overlap',
    candidate: { lan2: { ipv4: { address: '192.168.42.129', prefixLength: 25 } } },
    paths: ['lan2.ipv4.address'],
  },
  {
    title: 'IPv6 on LAN2 without LAN1',
    candidate: { lan1: { ipv6: { mode: 'disabled' } } },
    paths: ['lan2.ipv6.mode'],
  },
  {
    title: 'no IPv6 at all',
    candidate: { lan1: { ipv6: { mode: 'disabled' } }, lan2: { ipv6: { mode: 'disabled' } } },
  },
  {
    title: 'static IPv6 without an address',
    candidate: { lan1: { ipv6: { mode: 'static' } } },
    paths: ['lan1.ipv6.addresses'],
  },
  {
    title: 'an IPv6 address that is none',
    candidate: { lan1: { ipv6: { mode: 'static', addresses: ['fd00::1::2/64', 'fd00::1/129', 'ff02::1/64'] } } },
    paths: ['lan1.ipv6.addresses.0', 'lan1.ipv6.addresses.1', 'lan1.ipv6.addresses.2'],
  },
  {
    title: 'a pool beyond the network',
    candidate: { lan1: { dhcp: { mode: 'server', poolFirst: '192.168.42.200', poolSize: 100 } } },
    paths: ['lan1.dhcp.poolFirst'],
  },
  {
    title: 'a pool with the own address',
    candidate: { lan1: { dhcp: { mode: 'server', poolFirst: '192.168.42.1', poolSize: 10 } } },
    paths: ['lan1.dhcp.poolFirst'],
  },
  { title: 'a pool of a server that is off', candidate: { lan1: { dhcp: { poolFirst: '10.0.0.1' } } } },
  {
    title: 'an FQDN that is an address',
    candidate: { lan1: { registrarFqdn: '192.168.42.1' } },
    paths: ['lan1.registrarFqdn'],
  },
  {
    title: 'an FQDN that is not fully qualified',
    candidate: { lan2: { registrarFqdn: 'sip' } },
    paths: ['lan2.registrarFqdn'],
  },
  {
    title: 'too few media ports',
    candidate: { system: { media: { portLow: 50000, portHigh: 50002 } } },
    paths: ['system.media.portHigh'],
  },
  {
    title: 'media ports the wrong way round',
    candidate: { system: { media: { portLow: 50000, portHigh: 40000 } } },
    paths: ['system.media.portHigh'],
  },
  {
    title: 'a media time-out that a change of networks would take',
    candidate: { system: { media: { timeoutSeconds: 9 } } },
    paths: ['system.media.timeoutSeconds'],
  },
  { title: 'no codec', candidate: { system: { media: { codecs: [] } } }, paths: ['system.media.codecs'] },
  {
    title: 'no transport',
    candidate: { system: { sip: { udp: { enabled: false }, tcp: { enabled: false }, tls: { enabled: false } } } },
    paths: ['system.sip'],
  },
  {
    title: 'TCP and TLS on one port',
    candidate: { system: { sip: { tls: { port: 5060 } } } },
    paths: ['system.sip.tls.port'],
  },
  {
    title: 'SIP over WebSocket on the port of TCP',
    candidate: { system: { sip: { webSocket: { enabled: true, port: 5060 } } } },
    paths: ['system.sip.webSocket.port'],
  },
  {
    title: 'a shortest time to register for that is longer than the longest',
    candidate: { system: { sip: { minExpirySeconds: 600, maxExpirySeconds: 300 } } },
    paths: ['system.sip.minExpirySeconds'],
  },
  {
    title: 'an allow list with what is no network',
    candidate: { system: { sip: { defence: { allowList: ['192.168.42.0/24', '192.168.42.0/33'] } } } },
    paths: ['system.sip.defence.allowList.1'],
  },
  {
    title: 'SIP among the media ports',
    candidate: { system: { sip: { udp: { port: 46800 } } } },
    paths: ['system.sip.udp.port'],
  },
  {
    title: 'a time zone that is none',
    candidate: { system: { timeZone: 'Mars/Olympus' } },
    paths: ['system.timeZone'],
  },
  { title: 'a time zone', candidate: { system: { timeZone: 'Europe/Berlin' } } },
  {
    title: 'source numbers that are wrong or unknown',
    candidate: {
      noUser: { sourceNumbers: ['SET_CDNL=911', 'EQNX_CONTACT_MATCHING_MIN_DIGITS=8', 'SET_CDNL="911"', 'X'] },
    },
    paths: ['noUser.sourceNumbers.0'],
  },
  {
    title: 'a source number that is unknown',
    candidate: { noUser: { sourceNumbers: ['SET_CDNL="911"', 'FUTURE=1'] } },
    warnings: ['noUser.sourceNumbers.1'],
  },
  {
    title: 'source numbers that hold passwords',
    candidate: { noUser: { sourceNumbers: ['SET_CDNL="911"', 'SET_46xx_PROCPSWD=27238'] } },
    warnings: ['noUser.sourceNumbers.1'],
  },
  {
    title: 'a URI that would break a line',
    candidate: { system: { telephony: { conferenceCentre: 'a"b', voicemailNumber: 'Zoë' } } },
    paths: ['system.telephony.conferenceCentre', 'system.telephony.voicemailNumber'],
  },
  {
    title: 'a transport for phones that is not in use',
    candidate: { system: { sip: { phoneTransport: 'tcp', tcp: { enabled: false } } } },
    paths: ['system.sip.phoneTransport'],
  },
  {
    title: 'SRTP alone',
    candidate: { system: { media: { security: 'enforced' } } },
    warnings: ['system.media.security'],
  },
  {
    title: 'IPv6 by hand without a name',
    candidate: { lan1: { ipv6: { mode: 'static', addresses: ['2001:db8::1/64'] } } },
    warnings: ['lan1.registrarFqdn'],
  },
  {
    title: 'IPv6 by hand with a name',
    candidate: { lan1: { ...fqdn, ipv6: { mode: 'static', addresses: ['2001:db8::1/64'] } } },
  },
  {
    title: 'restrictions that are no networks',
    candidate: {
      extensions: { 250: { addressRestriction: ['192.168.42.0/24', '1.2.3.4', 'fd00::/8', '1.2.3', '1.2.3.4/33'] } },
    },
    paths: ['extensions.250.addressRestriction.3', 'extensions.250.addressRestriction.4'],
  },
  {
    title: 'a subnet without a length',
    candidate: { locations: { Hall: { subnet: '192.168.42.0' } } },
    paths: ['locations.Hall.subnet'],
  },

  {
    title: 'forwarding to nowhere',
    candidate: { users: { 201: { name: 'x', forwardOnBusy: { enabled: true } } } },
    paths: ['users.201.forwardOnBusy.number'],
  },
  {
    title: 'forwarding to oneself',
    candidate: { users: { 201: { name: 'x', forwardUnconditional: { number: '201' } } } },
    paths: ['users.201.forwardUnconditional.number'],
  },
  {
    title: 'twinning without a number',
    candidate: { users: { 201: { name: 'x', twinning: { enabled: true } } } },
    paths: ['users.201.twinning.number'],
  },
  {
    title: 'authorization without the account',
    candidate: { system: { cloud: { authorization: true } } },
    paths: ['system.cloud.authorization'],
  },
  { title: 'push without an FQDN', candidate: { system: PUSH }, paths: ['system.push.apple'] },
  {
    title: 'push without TLS',
    candidate: { lan1: fqdn, system: { ...PUSH, sip: { tls: { enabled: false } } } },
    paths: ['system.push.apple'],
  },
  {
    title: 'push that leaves little time',
    candidate: {
      lan1: fqdn,
      system: PUSH,
      users: { 201: { name: 'x', clients: { mobile: true }, twinning: { enabled: true, number: '5' } } },
    },
    warnings: ['users.201.noAnswerSeconds', 'users.201.twinning.delaySeconds'],
  },
  {
    title: 'a certificate that is none',
    candidate: { certificates: { Root: { pem: '-----BEGIN CERTIFICATE-----\nx\n' } } },
    paths: ['certificates.Root.pem'],
  },
  { title: 'a certificate', candidate: { certificates: { Root: { pem: `\n${CERTIFICATE}\r\n` } } } },
  ...[
    ['with a private key behind it', `${CERTIFICATE}\n${KEY}`],
    ['with a private key before it', `${KEY}${CERTIFICATE}`],
    ['with a text beside it', `password: secret\n${CERTIFICATE}`],
    ['with another one', `${CERTIFICATE}\n${OTHER_CERTIFICATE}`],
    ['with bytes behind it', padded],
  ].map(([title = '', pem]) => ({
    title: `a certificate ${title}`,
    candidate: { certificates: { Root: { pem } } },
    paths: ['certificates.Root.pem'],
  })),
  {
    title: '1,000 short codes',
    candidate: { shortCodes: codes(999), users: { 201: { name: 'x', shortCodes: codes(1) } } },
  },
  {
    title: 'more short codes than that in all',
    candidate: {
      shortCodes: codes(400),
      userRights: { Guests: { shortCodes: codes(400) } },
      users: { 201: { name: 'x', shortCodes: codes(201) } },
    },
    paths: ['shortCodes'],
  },
  {
    title: 'a day that is none',
    candidate: { licences: { softphone: { expires: '2027-02-30' } } },
    paths: ['licences.softphone.expires'],
  },
  {
    title: 'nobody who may administrate',
    candidate: { administrators: { eve: { role: 'viewer' }, bob: { role: 'administrator', enabled: false } } },
    paths: ['administrators'],
  },

  {
    title: 'licensing open allows everything',
    candidate: { users: { 201: { name: 'x', profile: 'non-licensed', clients: { desktop: true, mobile: true } } } },
  },
  {
    title: 'a client that the profile does not allow',
    candidate: {
      system: { licensing: 'subscription' },
      licences: { 'telephony-plus': { count: 1 } },
      users: { 201: { name: 'x', profile: 'telephony-plus', clients: { desktop: true, mobile: true } } },
    },
    paths: ['users.201.clients.mobile'],
  },
  {
    title: 'a profile of another licensing',
    candidate: { system: { licensing: 'subscription' }, users: { 201: { name: 'x' } } },
    paths: ['users.201.profile', 'users.201.profile', 'users.201.profile', 'users.201.profile'],
  },
  {
    title: 'more users than licences',
    candidate: {
      system: { licensing: 'perpetual' },
      licences: { 'essential-edition': {}, 'preferred-edition': {}, 'power-user': { count: 1 } },
      users,
    },
    paths: ['users.202.profile'],
  },
  {
    title: 'a system licence that is missing',
    candidate: {
      system: { licensing: 'perpetual' },
      licences: { softphone: {} },
      users: { 201: { name: 'x', profile: 'basic' } },
    },
    paths: ['users.201.profile'],
  },
];

t.test('what does not fit together is told by its path, all at once', async (t) => {
  for (const { title, candidate, paths = [], warnings = [] } of CASES) {
    let found: readonly string[] = [];
    try {
      const result = validate(candidate);
      t.strictSame(
        result.warnings.map(({ path }) => formatPath(path)),
        warnings,
        `${title}: warnings`,
      );
    } catch (error) {
      if (!(error instanceof InvalidConfigurationError)) throw error;
      found = error.issues.map(({ path }) => formatPath(path));
      for (const { problem, cure } of error.issues) t.match(cure, /\w.*\.$/, `${title}: ${problem}`);
    }
    t.strictSame(found, paths, title);
  }
});

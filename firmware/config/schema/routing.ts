import { Optional } from '@sinclair/typebox';
import {
  choice,
  collection,
  dialString,
  flag,
  group,
  hostOrAddress,
  line,
  list,
  NAME_KEY,
  reference,
  secret,
  shaped,
  whole,
  word,
} from './kinds.ts';
import { CODEC_NAMES, MEDIA_SECURITY } from './system.ts';

/** Headers that tell who calls, as a line may name them in the order in which they are believed. */
export const CALLER_HEADERS = ['p-asserted-identity', 'p-preferred-identity', 'remote-party-id', 'from'] as const;
export const NUMBER_FORMATS = ['as-dialled', 'national', 'e164'] as const;
export const LINE_DTMF = ['automatic', 'telephone-event', 'info', 'in-band'] as const;

const digits = (title: string, max: number, preset = '') =>
  shaped(title, `^[0-9]{0,${max}}$`, `at most ${max} digits`, { default: preset });

/** Lines to carriers and to other boxes, by their number. */
export const lines = collection(
  {
    title: 'Lines',
    table: 'lines',
    key: { column: 'number', pattern: '^[1-9][0-9]{0,2}$', rule: 'a line number from 1 to 999' },
    max: 64,
  },
  group('SIP line', {
    description: line('Description', 64),
    enabled: flag('In service', true),
    domain: hostOrAddress('ITSP domain name or address'),
    proxy: hostOrAddress('ITSP proxy address; empty: as the domain says'),
    registrar: hostOrAddress('Registrar; empty: the domain, by way of the proxy'),
    transport: choice('Layer 4 protocol; tls checks the certificate of the peer', ['udp', 'tcp', 'tls'], 'udp'),
    port: whole('Port; 0: as the domain says', 0, 65535, 0),
    peers: list(
      'Addresses or networks that calls may come from as well',
      shaped('Address', '^[0-9a-fA-F:.]{2,45}(?:/\\d{1,3})?$', 'an IP address or a network such as 198.51.100.0/24'),
      32,
    ),
    registers: flag('Registration required; else the peer knows the box by its address', true),
    userName: line('User name', 127),
    authenticationName: line('Authentication name; empty: the user name', 127),
    password: secret('Password', 'recoverable'),
    expirySeconds: whole('Time that a registration is asked for', 60, 86400, 3600, { unit: 's' }),
    optionsSeconds: whole('Time between OPTIONS that ask whether the peer is there; 0: none', 0, 3600, 60, {
      unit: 's',
    }),
    optionsWhenRegistered: flag('OPTIONS also where the line registers', false),
    keepAliveSeconds: whole('Time between packets that keep the way through a NAT open; 0: none', 0, 600, 30, {
      unit: 's',
    }),
    channels: whole('Calls at once', 1, 128, 10),
    incomingChannels: whole('Incoming calls at once, of those', 0, 128, 128),
    outgoingChannels: whole('Outgoing calls at once, of those', 0, 128, 128),
    noResponseSeconds: whole('Time without any response after which the next line is tried', 1, 32, 6, { unit: 's' }),
    incomingGroup: whole('Incoming group', 0, 99999, 0),
    outgoingGroup: whole('Outgoing group', 0, 99999, 0),
    identity: group('Who calls', {
      callerNumber: dialString('Number that is sent where the caller has none; empty: the user name'),
      emergencyNumber: dialString('Number that emergency calls carry where their location has none'),
      incoming: list(
        'Headers that tell who calls, in the order in which they are believed',
        word('Header', CALLER_HEADERS),
        4,
        {
          default: ['p-asserted-identity', 'remote-party-id', 'from'],
        },
      ),
      outgoing: choice(
        'Header that carries the number of the caller, beside From',
        CALLER_HEADERS,
        'p-asserted-identity',
      ),
      from: choice(
        'User of From: the number of the caller, or the user name of the line',
        ['caller', 'user-name'],
        'caller',
      ),
      trusted: flag(
        'The peer is told who answers or takes a call over, and believed of its side, as another box of the office is (RFC 3325)',
        false,
      ),
      forwarded: choice(
        'Header that says from whom a call was forwarded',
        ['diversion', 'history-info', 'both', 'none'],
        'diversion',
      ),
      forwardedCaller: choice(
        'Number that is sent of a forwarded call: of who calls, or of who forwards it',
        ['caller', 'forwarder'],
        'caller',
      ),
    }),
    numbers: group('Numbers', {
      send: choice('Format of numbers that are sent', NUMBER_FORMATS, 'as-dialled'),
      receive: choice(
        'Format that calling numbers get: as they came, or as they are dialled from here',
        NUMBER_FORMATS,
        'as-dialled',
      ),
      countryCode: digits('Country code; empty: numbers stay as they are', 3),
      areaCode: digits('Area code, without its prefix; empty: there is none', 6),
      nationalPrefix: digits('Prefix of national numbers', 3, '0'),
      internationalPrefix: digits('Prefix of international numbers', 5, '00'),
    }),
    speaks: group(
      'What the peer speaks',
      {
        reinvite: flag('re-INVITE', true),
        update: flag('UPDATE', true),
        refer: flag('REFER', false),
        reliable: flag('Reliable provisional responses (100rel)', true),
      },
      { unused: true },
    ),
    codecs: Optional(
      list('Codecs in order of preference; left out: the system’s', word('Codec', CODEC_NAMES), CODEC_NAMES.length),
    ),
    mediaSecurity: choice('Media security', ['system', ...MEDIA_SECURITY], 'disabled'),
    dtmf: choice('DTMF', LINE_DTMF, 'automatic'),
  }),
);

export const incomingRoutes = collection(
  {
    title: 'Incoming call routes',
    table: 'incoming_routes',
    key: { column: 'name', ...NAME_KEY },
    max: 500,
  },
  group('Incoming call route', {
    lineGroup: whole('Line group', 0, 99999, 0),
    incomingNumber: dialString('Incoming number; empty: any'),
    callerNumber: dialString('Incoming CLI; empty: any'),
    priority: whole('Priority', 1, 3, 1),
    destination: dialString('Destination: a user or a hunt group'),
    nightDestination: dialString('Destination at night; empty: as by day'),
    fallback: dialString(
      'Where a call goes that the destination does not take: a user or a hunt group; empty: nowhere',
    ),
    timeProfile: reference('Time profile of the day, night is at other times; left out: never night', NAME_KEY),
  }),
);

/** Whom an emergency call must name, and where help has to go. */
export const locations = collection(
  { title: 'Locations', table: 'locations', key: { column: 'name', ...NAME_KEY }, max: 100 },
  group('Location', {
    address: line('Address, as help must find it', 255),
    callerNumber: dialString('Number that an emergency call from here carries'),
    lineGroup: line(
      'Outgoing group of lines, or name of an ARS route, of emergency calls from here; empty: the system’s',
      64,
    ),
    subnet: shaped(
      'Subnet; empty: by extension alone',
      '^(?:[0-9a-fA-F:.]{2,45}/\\d{1,3})?$',
      'a network such as 192.168.42.0/24',
      {
        default: '',
      },
    ),
  }),
);

export const emergencyNumbers = collection(
  {
    title: 'Emergency numbers, beside those of the locale',
    table: 'emergency_numbers',
    key: { column: 'number', pattern: '^[0-9]{2,8}$', rule: '2 to 8 digits' },
    max: 32,
  },
  group('Emergency number', {
    description: line('Description', 64),
    location: reference('Location that it is for; left out: all', NAME_KEY),
  }),
);

export const directory = collection(
  { title: 'Directory entries', table: 'directory', key: { column: 'name', ...NAME_KEY }, max: 2500 },
  group('Directory entry', { number: dialString('Telephone number') }),
);

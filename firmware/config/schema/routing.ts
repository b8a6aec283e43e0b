import {
  choice,
  collection,
  dialString,
  flag,
  group,
  hostName,
  line,
  NAME_KEY,
  reference,
  secret,
  shaped,
  whole,
} from './kinds.ts';

/** Lines to carriers and to other boxes, by their number. */
export const lines = collection(
  {
    title: 'Lines',
    table: 'lines',
    key: { column: 'number', pattern: '^[1-9][0-9]{0,2}$', rule: 'a line number from 1 to 999' },
    max: 64,
    unused: true,
  },
  group('SIP line', {
    description: line('Description', 64),
    enabled: flag('In service', true),
    domain: hostName('ITSP domain name'),
    proxy: hostName('ITSP proxy address; empty: as the domain says'),
    transport: choice('Layer 4 protocol', ['udp', 'tcp', 'tls'], 'udp'),
    port: whole('Port; 0: as the domain says', 0, 65535, 0),
    registers: flag('Registration required', true),
    userName: line('User name', 127),
    authenticationName: line('Authentication name; empty: the user name', 127),
    password: secret('Password', 'recoverable'),
    channels: whole('Calls at once', 1, 128, 10),
    incomingGroup: whole('Incoming group', 0, 99999, 0),
    outgoingGroup: whole('Outgoing group', 0, 99999, 0),
  }),
);

export const incomingRoutes = collection(
  {
    title: 'Incoming call routes',
    table: 'incoming_routes',
    key: { column: 'name', ...NAME_KEY },
    max: 500,
    unused: true,
  },
  group('Incoming call route', {
    lineGroup: whole('Line group', 0, 99999, 0),
    incomingNumber: dialString('Incoming number; empty: any'),
    callerNumber: dialString('Incoming CLI; empty: any'),
    priority: whole('Priority', 1, 3, 1),
    destination: dialString('Destination: a user or a hunt group'),
    nightDestination: dialString('Destination at night; empty: as by day'),
  }),
);

/** Whom an emergency call must name, and where help has to go. */
export const locations = collection(
  { title: 'Locations', table: 'locations', key: { column: 'name', ...NAME_KEY }, max: 100, unused: true },
  group('Location', {
    address: line('Address, as help must find it', 255),
    callerNumber: dialString('Number that an emergency call from here carries'),
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
    unused: true,
  },
  group('Emergency number', {
    description: line('Description', 64),
    location: reference('Location that it is for; left out: all', NAME_KEY),
  }),
);

export const directory = collection(
  { title: 'Directory entries', table: 'directory', key: { column: 'name', ...NAME_KEY }, max: 2500, unused: true },
  group('Directory entry', { number: dialString('Telephone number') }),
);

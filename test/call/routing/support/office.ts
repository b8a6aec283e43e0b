import type { Caller, DeviceState, LineState, RoutingState } from '../../../../firmware/call/routing/plan.ts';
import { complete } from '../../../../firmware/config/schema/complete.ts';
import { type Configuration, configurationSchema } from '../../../../firmware/config/schema/configuration.ts';
import { nodeOf } from '../../../../firmware/config/schema/tree.ts';
import { validate } from '../../../../firmware/config/validation/validate.ts';

/** What has a default may be left out; throws for what the store would refuse. */
export function configurationOf(parts: object): Configuration {
  const before = complete(nodeOf(configurationSchema), {}) as Configuration;
  return validate(parts, before).configuration;
}

/** A Wednesday in working hours, in London and in UTC. */
export const WEDNESDAY_NOON = Date.UTC(2026, 10, 25, 12, 0);
export const WEDNESDAY_NIGHT = Date.UTC(2026, 10, 25, 22, 30);
export const SATURDAY = Date.UTC(2026, 10, 28, 12, 0);

/** An office in London: two lines, a reception, sales and a warehouse. */
export const OFFICE = {
  system: {
    locale: 'en-GB',
    timeZone: 'Europe/London',
    telephony: {
      noAnswerSeconds: 20,
      trunkToTrunk: 'forwarded',
      voicemailNumber: '*99',
      dialPlan: { cityCodes: ['20'], nationalLengths: ['10'] },
    },
    emergency: { notify: ['200'], callBackSeconds: 1800 },
  },
  users: {
    200: { name: 'Reception', fullName: 'Rita Reception', classOfService: 'World', callerNumber: '02079460000' },
    201: {
      name: 'Anna',
      voicemail: { enabled: true },
      noAnswerSeconds: 25,
      classOfService: 'World',
      shortCodes: { '*55': { feature: 'speed-dial', telephoneNumber: '902079460123' }, '9084N': { feature: 'barred' } },
    },
    202: { name: 'Ben', callWaiting: false, forwardOnBusy: { enabled: true, number: '200' } },
    203: {
      name: 'Carla',
      forwardUnconditional: { enabled: true, number: '907700900123' },
      voicemail: { enabled: true },
    },
    204: { name: 'Dora', doNotDisturb: { enabled: true, exceptions: ['200', '020NN'] }, voicemail: { enabled: true } },
    205: { name: 'Eric', followMe: '202' },
    206: {
      name: 'Fay',
      twinning: { enabled: true, number: '907700900206', delaySeconds: 5 },
      forwardOnNoAnswer: { enabled: true, number: '201' },
    },
    207: { name: 'Guest', userRights: 'Guests' },
    208: { name: 'Hugo', forwardUnconditional: { enabled: true, number: '209' } },
    209: { name: 'Ida', forwardUnconditional: { enabled: true, number: '208' } },
    210: { name: 'Jim', internalTwinning: '200', autoAnswer: 'internal', absentText: 'Back at two' },
    211: { name: 'Kim', coverageNumber: '200', declinePolicy: 'decline', withholdNumber: true },
    212: { name: 'Lee', enabled: false },
    213: { name: 'Mia', forwardOnNoAnswer: { enabled: true, number: '214' } },
    214: { name: 'Noa', forwardOnNoAnswer: { enabled: true, number: '213' } },
    215: { name: 'Oli', doNotDisturb: { enabled: true } },
  },
  extensions: {
    ...Object.fromEntries(
      Array.from({ length: 16 }, (_, index) => [String(200 + index), { user: String(200 + index) }] as const),
    ),
    2012: { user: '201', class: 'mobile', location: 'Warehouse' },
    290: {},
  },
  huntGroups: {
    300: {
      name: 'Sales',
      mode: 'collective',
      voicemail: true,
      queue: { limit: 2 },
      overflow: { seconds: 30, group: '301' },
      nightService: { timeProfile: 'Office hours', group: '302' },
      members: [{ user: '201' }, { user: '202' }, { user: '203' }],
    },
    301: { name: 'Overflow', members: [{ user: '200' }] },
    302: { name: 'Night', members: [{ user: '206' }] },
    303: { name: 'Round', overflow: { seconds: 10, group: '304' }, members: [{ user: '200' }] },
    304: { name: 'And round', overflow: { seconds: 10, group: '303' }, members: [{ user: '200' }] },
  },
  shortCodes: {
    '*17': { feature: 'voicemail-collect', telephoneNumber: 'U' },
    '*07*N#': { feature: 'forward-number', telephoneNumber: 'N' },
    '*35*N#': { feature: 'extension-login', telephoneNumber: 'N' },
    '*9000': { feature: 'busy' },
    '9N': { feature: 'dial', telephoneNumber: 'N' },
    '9XXXX': { feature: 'dial', telephoneNumber: '555N', lineGroup: '2' },
    '8N': { feature: 'dial', telephoneNumber: 'NW', lineGroup: '1' },
    '70X': { feature: 'dial-extension', telephoneNumber: '20N' },
    '71': { feature: 'speed-dial', telephoneNumber: '72' },
    '72': { feature: 'speed-dial', telephoneNumber: '71' },
    '73N': { feature: 'dial', telephoneNumber: 'N', lineGroup: '5' },
  },
  userRights: {
    Guests: { outgoingCallBar: true, enableForwarding: false, shortCodes: { '*1': { feature: 'call-park' } } },
  },
  lines: {
    1: { domain: 'a.example.com', userName: 'a', channels: 2, incomingGroup: 1, outgoingGroup: 1 },
    2: { domain: 'b.example.com', userName: 'b', channels: 2, incomingGroup: 2, outgoingGroup: 2 },
    3: { domain: 'c.example.com', userName: 'c', enabled: false, outgoingGroup: 1 },
    5: { domain: 'd.example.com', userName: 'd', outgoingGroup: 5 },
  },
  arsRoutes: {
    Main: {
      alternateRoute: 'Spare',
      codes: [
        { code: '00N', number: '00N', lineGroup: 2 },
        { code: '00N', number: '00N', lineGroup: 1 },
        { code: '090N', feature: 'barred' },
        { code: '07N', number: '07N', lineGroup: 2, timeProfile: 'Office hours' },
        { code: '07N', number: '07N', lineGroup: 1 },
        { code: '?', lineGroup: 1 },
      ],
    },
    Spare: { codes: [{ code: '?', lineGroup: 2 }] },
  },
  classesOfService: {
    World: { calls: 'international', barred: ['+8816N'] },
    Home: { calls: 'national', timeProfile: 'Office hours', allowed: ['0044N'] },
  },
  timeProfiles: { 'Office hours': { times: [{}], exceptDates: ['2026-12-25'] } },
  incomingRoutes: {
    'Main number': {
      lineGroup: 1,
      incomingNumber: '02079460000',
      destination: '300',
      nightDestination: '200',
      timeProfile: 'Office hours',
    },
    Anna: { lineGroup: 1, incomingNumber: '460201', destination: '201' },
    'A pest': { lineGroup: 1, incomingNumber: '02079460000', callerNumber: '02071111', destination: '215' },
    Dora: { lineGroup: 1, incomingNumber: '02079460204', destination: '204' },
    Carla: { lineGroup: 1, incomingNumber: '02079460203', destination: '203' },
    Rest: { lineGroup: 2, destination: '200' },
  },
  locations: {
    Office: { address: '1 High Street', callerNumber: '02079460999', subnet: '192.168.42.0/24' },
    Warehouse: { address: '2 Dock Road', callerNumber: '01632960999', lineGroup: '2' },
    Cellar: { address: '1 High Street, below', callerNumber: '02079460998', subnet: '192.168.42.128/25' },
  },
  emergencyNumbers: { 5555: { description: 'Works fire brigade', location: 'Warehouse' } },
  directory: { 'The bank': { number: '02071234567' } },
} as const;

export interface Present {
  /** Calls of devices, by extension; those that are not named have one free device, `[]` has none. */
  readonly devices?: Readonly<Record<string, readonly number[]>>;
  readonly lines?: Readonly<Record<string, Partial<LineState>>>;
  readonly waiting?: Readonly<Record<string, number>>;
  /** By user. */
  readonly otherPhone?: Readonly<Record<string, string>>;
  readonly callBack?: Readonly<Record<string, string>>;
}

export function stateOf(present: Present = {}): RoutingState {
  return {
    devicesOf(extension): readonly DeviceState[] {
      const calls = present.devices?.[extension] ?? (/^2\d\d$/.test(extension) ? [0] : []);
      return calls.map((count, index) => ({ id: `${extension}-${index + 1}`, deviceClass: 'desk', calls: count }));
    },
    lineState: (line) => ({ isInService: true, channelsInUse: 0, hasCallToDrop: false, ...present.lines?.[line] }),
    waitingIn: (group) => present.waiting?.[group] ?? 0,
    otherPhoneOf: (user) => present.otherPhone?.[user],
    emergencyCallBack: (isCalled) => Object.entries(present.callBack ?? {}).find(([shown]) => isCalled(shown))?.[1],
  };
}

export function user(number: string, more: Partial<Extract<Caller, { kind: 'user' }>> = {}): Caller {
  return { kind: 'user', user: number, extension: number, ...more };
}

/**
 * Calls each function of the addon with arguments that no worker would give it: hostile-arguments.ts ADDON PORT FOLDER. Wherever a good call
 * has a value, a property or an argument, each of the hostile ones stands in its place once. Ends with a line that counts; a program that
 * does not has been ended by a sanitizer, or found an answer that is none. Takes the ports from PORT on, twelve of them, and
 * records into FOLDER.
 */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Addon } from '../../firmware/media/worker/addon.ts';

type Entry = keyof Addon;
type Parent = Record<string | number, unknown>;
type Path = readonly (string | number)[];

const HERE = '127.0.0.1';
/** What throws while its property is read. */
const THROWN = new Error('a getter that throws');
const KEY_BYTES = 30;
const MOST_CONFERENCES = 128;
/** Of a snapshot, before the places of a session. */
const HEADER_BYTES = 16;

const [file = '', port = '', folder = ''] = process.argv.slice(2);
const firstPort = Number(port);
const addon = createRequire(import.meta.url)(file) as Addon;
/** Of 16 bits, two samples. */
const WAV = '524946462800000057415645666d74201000000001000100401f0000803e0000020010006461746104000000e803e803';
const sound = join(folder, 'sound.wav');
writeFileSync(sound, Buffer.from(WAV, 'hex'));
const counts = { called: 0, refused: 0 };

/** What lives in the addon meanwhile; a call may have closed it. */
const living = { pair: 0, single: 0, conference: 0 };
/** What calls of `open` have made besides. */
const opened: number[] = [];

/** Where the streams of a session are, as one worker hands them to the next. */
let places = new Uint8Array(0);

/** In place of the types, which are the promise of a caller that is not to be trusted here. */
function invoke(name: Entry, given: readonly unknown[]): unknown {
  const result = (addon[name] as (...given: readonly unknown[]) => unknown)(...given);
  if (name === 'open') opened.push(result as number);
  return result;
}

function open(port: number, count: 1 | 2): number {
  const [first, second] = [port, port + 2].map((port) => ({ address: HERE, port }));
  if (first === undefined || second === undefined) throw new Error('no port');
  return addon.open({ session: port, legs: count === 2 ? [first, second] : [first] });
}

function revive(): void {
  for (const handle of opened.splice(0)) addon.close(handle);
  if (addon.statistics(living.pair) === undefined) {
    living.pair = open(firstPort, 2);
    for (const leg of [0, 1] as const) addon.configure(living.pair, leg, settings());
  }
  if (addon.statistics(living.single) === undefined) living.single = open(firstPort + 4, 1);
  for (let conference = 1; conference <= MOST_CONFERENCES; conference += 1) {
    try {
      if (conference !== living.conference) addon.closeConference(conference);
    } catch {
      // It is not open.
    }
  }
  try {
    addon.leaveConference(living.conference, living.single, 0);
  } catch {
    living.conference = addon.createConference({ conference: 1, speakers: 3 });
  }
}

const settings = () => ({
  remoteAddress: HERE,
  remotePort: 4000,
  codec: 1,
  payloadType: 8,
  telephoneEventPayloadType: 101,
  telephoneEventReceivedType: 102,
  detectDigits: false,
  digitsBySignalling: false,
  ptimeMs: 20,
  receives: true,
  sends: true,
  annexB: false,
  maxPlaybackRate: 16_000,
  maxBitrate: 20_000,
  fec: false,
  constantRate: false,
  discontinuous: false,
  comfortNoisePayloadType: 13,
  srtp: {
    suite: 0,
    receiveKey: new Uint8Array(KEY_BYTES),
    sendKey: new Uint8Array(KEY_BYTES),
    unencryptedSrtcp: false,
  },
  rtcpMux: false,
  rtcpAddress: HERE,
  rtcpPort: 4001,
  dscp: 46,
  silenceMs: 1000,
});

const tone = () => ({ steps: [{ durationMs: 200, frequencies: [{ hz: 425, dbm0: -10 }] }], repeatFrom: 0 });

/** Good arguments for each function, made anew for each call. */
const GOOD: Readonly<Record<Exclude<Entry, 'start'>, () => unknown[]>> = {
  awaitLoops: () => [],
  open: () => [
    {
      session: 7,
      legs: [
        { address: HERE, port: firstPort + 6 },
        { address: HERE, port: firstPort + 8 },
      ],
      resume: { place: places.slice(), ageMs: 100, resumptions: 1 },
    },
  ],
  configure: () => [living.pair, 0, settings()],
  join: () => [living.pair, 0, living.single, 0],
  part: () => [living.pair, 0],
  statistics: () => [living.pair],
  play: () => [living.pair, 1, { playback: 5, tone: tone(), sampleRate: 8000, offsetMs: 10 }],
  stopPlaying: () => [living.pair, 1, { playback: 5 }],
  snapshot: () => [0],
  close: () => [living.single],
  createConference: () => [{ conference: 2, speakers: 3, entryTone: tone(), exitTone: tone() }],
  joinConference: () => [living.conference, living.single, 0, { muted: false, announced: true }],
  leaveConference: () => [living.conference, living.single, 0],
  setParty: () => [living.conference, living.single, 0, { muted: true }],
  closeConference: () => [living.conference],
  sendDigits: () => [living.pair, { leg: 0, digits: '12#', durationMs: 100, pauseMs: 100 }],
  startRecording: () => [
    living.pair,
    {
      recording: 9,
      folder,
      name: 'call.wav',
      first: true,
      second: true,
      channels: 2,
      sampleRate: 8000,
      paused: false,
      append: true,
      maxBytes: 100_000,
      maxFolderBytes: 100_000,
      keepFreeBytes: 0,
    },
  ],
  pauseRecording: () => [living.pair, { recording: 9, paused: true }],
  stopRecording: () => [living.pair, { recording: 9 }],
};

const playFiles = (): unknown[] => [living.pair, 1, { playback: 6, paths: [sound], repeated: true, offsetMs: 0 }];

/** Of `start`: with something else in one place it is as bad as before. */
const NO_START = (): unknown[] => [{ threads: 0, onEvent: 0 }];

function detached(bytes: number): Uint8Array {
  const array = new Uint8Array(bytes);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function holes(length: number): unknown[] {
  const array: unknown[] = [];
  array.length = length;
  return array;
}

const throwing = (): object =>
  new Proxy(
    {},
    {
      get: () => {
        throw THROWN;
      },
    },
  );

/** Anew for each call, since some are used up. */
const HOSTILE: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  zero: () => 0,
  'minus zero': () => -0,
  one: () => 1,
  'minus one': () => -1,
  'a half': () => 0.5,
  NaN: () => Number.NaN,
  infinity: () => Number.POSITIVE_INFINITY,
  'minus infinity': () => Number.NEGATIVE_INFINITY,
  '255': () => 255,
  '65535': () => 65_535,
  '2^31': () => 2 ** 31,
  '2^32 - 1': () => 2 ** 32 - 1,
  '2^32': () => 2 ** 32,
  '2^53': () => 2 ** 53,
  '-2^63': () => -(2 ** 63),
  'the largest number': () => Number.MAX_VALUE,
  'the smallest number': () => Number.MIN_VALUE,
  bigint: () => 10n ** 40n,
  symbol: () => Symbol('hostile'),
  'no text': () => '',
  digits: () => '1234',
  'a lone surrogate': () => '\ud800',
  'lone surrogates': () => '\udfff'.repeat(64),
  'a text with NUL': () => '127.0.0.1\0x',
  'sixty-three characters': () => 'x'.repeat(63),
  'sixty-four characters': () => 'x'.repeat(64),
  'a path as long as there are': () => `/${'x'.repeat(4095)}`,
  'a million characters': () => 'ä'.repeat(500_000),
  'an address of the other family': () => '::1',
  'an address with a zone': () => 'fe80::1%lo',
  'an object': () => ({}),
  'an object without a prototype': () => Object.create(null),
  function: () => () => {},
  'an empty array': () => [],
  'an array of holes': () => holes(2 ** 32 - 1),
  'a nested array': () => [[[[]]]],
  'sixteen objects': () => Array.from({ length: 16 }, () => ({})),
  date: () => new Date(Number.NaN),
  'no bytes': () => new Uint8Array(0),
  'some bytes': () => new Uint8Array(KEY_BYTES - 1),
  'many bytes': () => new Uint8Array(1_000_000),
  'bytes that are gone': () => detached(KEY_BYTES),
  'bytes that are shared': () => new Uint8Array(new SharedArrayBuffer(KEY_BYTES)),
  'bytes of another array': () => new Uint8Array(new ArrayBuffer(4096), 4096 - KEY_BYTES, KEY_BYTES),
  'words of 16 bits': () => new Uint16Array(KEY_BYTES),
  'numbers with a point': () => new Float64Array(KEY_BYTES).fill(Number.NaN),
  'a view': () => new DataView(new ArrayBuffer(KEY_BYTES)),
  'a proxy of an array': () => new Proxy([1, 2], {}),
  'a proxy that throws': throwing,
  'a proxy that is revoked': revoked,
};

/** What a property does before it has the good value. */
const GETTERS: Readonly<Record<string, (value: unknown, parent: object) => unknown>> = {
  'a getter that throws': () => {
    throw THROWN;
  },
  'a getter that closes all': (value) => {
    addon.close(living.pair);
    addon.close(living.single);
    try {
      addon.closeConference(living.conference);
    } catch {
      // It is closed already.
    }
    return value;
  },
  'a getter that closes the conference': (value) => {
    try {
      addon.closeConference(living.conference);
    } catch {
      // It is closed already.
    }
    return value;
  },
  'a getter that frees the bytes beside it': (value, parent) => {
    for (const { value: sibling } of Object.values(Object.getOwnPropertyDescriptors(parent))) {
      if (sibling instanceof Uint8Array) structuredClone(0, { transfer: [sibling.buffer as ArrayBuffer] });
    }
    return value;
  },
  'a getter that calls everything': (value) => {
    for (const [name, good] of Object.entries(GOOD)) {
      try {
        invoke(name as Entry, good());
      } catch {
        // Refused: it is busy, or closed.
      }
    }
    return value;
  },
};

/** Every place in `value`, its parts after it. */
function placesIn(value: unknown, path: Path = []): readonly Path[] {
  const isParent = Array.isArray(value) || (typeof value === 'object' && value?.constructor === Object);
  if (!isParent) return [path];
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value as object);
  const inside = keys.flatMap((key) => placesIn((value as Parent)[key], [...path, key]));
  return path.length === 0 ? inside : [path, ...inside];
}

function parentOf(whole: unknown, path: Path): Parent {
  return path.slice(0, -1).reduce<Parent>((part, key) => part[key] as Parent, whole as Parent);
}

/** Calls, and judges what is thrown. True: it was refused. */
function isRefused(name: Entry, given: readonly unknown[], what: string): boolean {
  counts.called += 1;
  try {
    invoke(name, given);
    return false;
  } catch (error) {
    counts.refused += 1;
    // What has no properties, or cannot be looked into, is refused by JavaScript itself.
    if (error === THROWN || (error instanceof TypeError && /undefined or null|revoked/.test(error.message)))
      return true;
    const { code } = error as { code?: unknown };
    if (typeof code !== 'string' || !code.startsWith('MEDIA_')) throw new Error(`${name}, ${what}`, { cause: error });
    return true;
  }
}

/** One call for each place and each thing that may stand there. */
function attack(name: Entry, good: () => unknown[], prepare = revive): void {
  prepare();
  const count = good().length;
  for (let given = 0; given < count; given += 1) {
    prepare();
    if (!isRefused(name, good().slice(0, given), `${given} arguments`))
      throw new Error(`${name} takes ${given} arguments`);
  }
  for (const path of placesIn(good())) {
    const key = path.at(-1) ?? 0;
    const put = (what: string, change: (parent: Parent) => void): boolean => {
      prepare();
      const given = good();
      change(parentOf(given, path));
      return isRefused(name, given, `${path.join('.')}: ${what}`);
    };
    for (const [what, value] of Object.entries(HOSTILE)) put(what, (parent) => Reflect.set(parent, key, value()));
    put('its own first part a hundred times', (parent) => {
      const value = parent[key];
      if (Array.isArray(value)) parent[key] = new Array(100).fill(value[0]);
    });
    put('absent', (parent) => Reflect.deleteProperty(parent, key));
    if (path.length > 1) {
      for (const [what, act] of Object.entries(GETTERS)) {
        put(what, (parent) => {
          const value = parent[key];
          Object.defineProperty(parent, key, { get: () => act(value, parent), configurable: true });
        });
      }
    }
    // Nothing that is read as a whole is a symbol.
    const isPart = parentOf(good(), path)[key]?.constructor === Object;
    if (!isPart && !put('a symbol', (parent) => Reflect.set(parent, key, Symbol('hostile')))) {
      throw new Error(`${name} takes a symbol for ${path.join('.')}`);
    }
  }
}

attack('start', NO_START, () => {});
for (const name of Object.keys(GOOD)) isRefused(name as Entry, [0, 0, {}, 0], 'before the start');
if (counts.refused !== counts.called) throw new Error('something is done before the start, or by a bad one');
addon.start({ threads: 2, onEvent: () => {} });
revive();
addon.close(living.single);
places = Uint8Array.from(addon.snapshot(0).places.subarray(HEADER_BYTES));
for (const [name, good] of [...Object.entries(GOOD), ['play', playFiles] as const]) {
  revive();
  if (isRefused(name as Entry, good(), 'as it should be')) throw new Error(`${name} is refused as it should be`);
  attack(name as Entry, good);
}
revive();
addon.awaitLoops();
if (addon.statistics(living.pair)?.length !== 2) throw new Error('the worker does not work any more');
process.stdout.write(`${counts.called} calls, ${counts.refused} refused\n`);

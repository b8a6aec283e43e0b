import { isIP } from 'node:net';
import { UsageError } from '../../core/errors.ts';
import { NetworkList } from '../../core/network-list.ts';
import type { UnreadMessage } from './traced-message.ts';

/** A message is shown where each of them says so. */
export type Test = (message: UnreadMessage) => boolean;

const KEYS = ['user', 'address', 'call-id', 'method', 'transport'] as const;
type Key = (typeof KEYS)[number];

/** More words than anybody types. */
const MAX_WORDS = 32;

/** The part of the help that says how words choose messages. */
export const FILTER_HELP = `
FILTER: words that a message must fit; of several of the same kind one is enough.
  201                 an extension or user: in Request-URI, From, To or Contact, or who logs in; also user=201
  192.168.42.50       the address of the peer, or its network as 192.168.42.0/24; also address=…
  call-id=TEXT        a Call-ID that begins so
  method=INVITE       requests, and responses to them
  transport=tls       udp, tcp, tls, ws or wss
`;

/** Reads the words of a filter; none fits everything. Throws UsageError TRACE_FILTER. */
export function readFilter(words: readonly string[]): Test {
  if (words.length > MAX_WORDS) throw invalid(`more than ${MAX_WORDS} words`);
  const tests = new Map<Key, Test[]>();
  for (const word of words) {
    const [key, value] = split(word);
    tests.set(key, [...(tests.get(key) ?? []), testFor(key, value)]);
  }
  // Addresses and transports first: they need no look into the message.
  const groups = [...tests].sort(([left], [right]) => costOf(left) - costOf(right)).map(([, group]) => group);
  return (message) => groups.every((group) => group.some((fits) => fits(message)));
}

function costOf(key: Key): number {
  return key === 'address' || key === 'transport' ? 0 : 1;
}

function split(word: string): readonly [Key, string] {
  const equals = word.indexOf('=');
  if (equals === -1) return [isIP(word.split('/')[0] ?? '') === 0 ? 'user' : 'address', word];
  const key = KEYS.find((name) => name === word.slice(0, equals).toLowerCase());
  const value = word.slice(equals + 1);
  if (key === undefined || value === '') throw invalid(word);
  return [key, value];
}

function testFor(key: Key, value: string): Test {
  const lower = value.toLowerCase();
  switch (key) {
    case 'user':
      return (message) => message.read().users.some((user) => user.toLowerCase() === lower);
    case 'address':
      return testForAddress(value);
    case 'call-id':
      return (message) => message.read().callId.startsWith(value);
    case 'method':
      return (message) => message.read().method.toLowerCase() === lower;
    case 'transport':
      return (message) => message.transport === lower;
  }
}

function testForAddress(value: string): Test {
  const list = new NetworkList();
  try {
    list.add(value);
  } catch {
    throw invalid(value);
  }
  return ({ remote }) => list.has(remote.address);
}

function invalid(word: string): UsageError {
  const shown = JSON.stringify(word.slice(0, 80));
  return new UsageError('TRACE_FILTER', `${shown} is no filter`, 'See: ringdown trace --help');
}

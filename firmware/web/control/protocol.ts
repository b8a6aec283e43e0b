import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import type { CallView } from '../../call/control/call-view.ts';
import { MODES, type Mode } from '../../call/control/mode.ts';
import type { ControlFault } from '../../call/control/outcome.ts';
import type { UserView } from './user-watch.ts';

/*
 * Every message between a client and the box: JSON texts over WebSocket, one a message. A client asks with an id of its own, and each
 * request has one answer, which may come after events and after answers to later ones. README.md has examples.
 */

/** The version that the challenge names; a change that breaks clients raises it. */
export const PROTOCOL_VERSION = 1;
/** The longest message that a client may send; the longest that makes sense has 500 bytes. */
export const MAX_MESSAGE_BYTES = 4096;

const MAX_DIGITS = 32;
/** More a telephone does not have. */
const MAX_CALLS = 8;

const id = Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1 });
const call = Type.String({ pattern: '^[0-9a-f-]{36}$' });
/** As people dial: digits, separators and codes. */
const number = Type.String({ pattern: '^[0-9A-Za-z*#+;(). -]{1,63}$' });
const hex = (length: number) => Type.String({ pattern: `^[0-9a-f]{1,${length}}$` });

const request = <Fields extends Readonly<Record<string, TSchema>>>(fields: Fields) =>
  Type.Object({ id, ...fields }, { additionalProperties: false });
const ofCall = <Verb extends string>(verb: Verb) => request({ verb: Type.Literal(verb), call });
const plain = <Verb extends string>(verb: Verb) => request({ verb: Type.Literal(verb) });

/** By verb. */
const REQUESTS = {
  login: request({
    verb: Type.Literal('login'),
    extension: Type.String({ pattern: '^[0-9]{2,15}$' }),
    nonce: hex(128),
    cnonce: Type.String({ pattern: '^[0-9A-Za-z_-]{8,64}$' }),
    response: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  }),
  mode: request({
    verb: Type.Literal('mode'),
    mode: Type.Union(MODES.map((mode) => Type.Literal(mode))),
    number: Type.Optional(number),
    device: Type.Optional(Type.Union([Type.Literal('desktop'), Type.Literal('webrtc'), Type.Literal('mobile')])),
  }),
  make: request({ verb: Type.Literal('make'), number }),
  cancel: plain('cancel'),
  calls: plain('calls'),
  users: plain('users'),
  answer: ofCall('answer'),
  ignore: ofCall('ignore'),
  hold: ofCall('hold'),
  retrieve: ofCall('retrieve'),
  drop: ofCall('drop'),
  move: ofCall('move'),
  transfer: request({
    verb: Type.Literal('transfer'),
    call,
    number: Type.Optional(number),
    /** Another call of the user. */
    to: Type.Optional(call),
  }),
  conference: request({
    verb: Type.Literal('conference'),
    calls: Type.Array(call, { minItems: 2, maxItems: MAX_CALLS }),
  }),
  dtmf: request({
    verb: Type.Literal('dtmf'),
    call,
    digits: Type.String({ pattern: `^[0-9*#A-D]{1,${MAX_DIGITS}}$` }),
  }),
  mute: plain('mute'),
  unmute: plain('unmute'),
  video: plain('video'),
  add: plain('add'),
} as const;

/** Of all requests. */
export const VERBS: readonly string[] = Object.keys(REQUESTS);

type Requests = typeof REQUESTS;
export type ClientRequest = { [Name in keyof Requests]: Static<Requests[Name]> }[keyof Requests];
export type LoginRequest = Static<Requests['login']>;

/** Why a request is not done, beside what calls say. */
export type RequestFault = 'malformed' | 'unknown-verb' | 'not-logged-in' | 'unauthorized' | 'too-many' | ControlFault;

export type ServerMessage =
  /** First of all, and after each login that failed. */
  | {
      readonly event: 'challenge';
      readonly protocol: number;
      readonly realm: string;
      readonly nonce: string;
      readonly algorithm: 'SHA-256';
      readonly uri: string;
    }
  /** Answers the request with that id. */
  | { readonly id: number; readonly ok: true; readonly call?: string }
  | {
      readonly id: number;
      readonly ok: true;
      readonly user: string;
      readonly name: string;
      readonly mode: Mode;
      readonly modes: readonly Mode[];
    }
  | { readonly id: number; readonly ok: true; readonly calls: readonly CallView[] }
  | { readonly id: number; readonly ok: true; readonly users: readonly UserView[] }
  /** `id` is left out where the request had none. `status`: what SIP would have said. */
  | {
      readonly id?: number;
      readonly ok: false;
      readonly error: RequestFault;
      readonly reason: string;
      readonly status?: number;
    }
  /** A call of the user is there, or otherwise than before. */
  | ({ readonly event: 'call' } & CallView)
  | { readonly event: 'ended'; readonly call: string }
  /** Those who do something else than before. */
  | { readonly event: 'users'; readonly users: readonly UserView[] };

const schemas: ReadonlyMap<string, TSchema> = new Map(Object.entries(REQUESTS));

export type Read =
  | { readonly kind: 'request'; readonly request: ClientRequest }
  | {
      readonly kind: 'fault';
      readonly id?: number;
      readonly error: 'malformed' | 'unknown-verb';
      readonly reason: string;
    };

/** Reads what a client sent; throws for nothing. */
export function readRequest(text: string): Read {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: 'fault', error: 'malformed', reason: 'the message is no JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { kind: 'fault', error: 'malformed', reason: 'the message is no JSON object' };
  }
  const fields = value as Readonly<Record<string, unknown>>;
  const named = Number.isInteger(fields.id) && Number(fields.id) >= 0 ? { id: Number(fields.id) } : {};
  const schema = typeof fields.verb === 'string' ? schemas.get(fields.verb) : undefined;
  if (schema === undefined) return { kind: 'fault', ...named, error: 'unknown-verb', reason: 'there is no such verb' };
  if (Value.Check(schema, value)) return { kind: 'request', request: value as ClientRequest };
  const field = Value.Errors(schema, value).First()?.path.slice(1, 32) || 'message';
  return { kind: 'fault', ...named, error: 'malformed', reason: `${field} is not as it must be` };
}

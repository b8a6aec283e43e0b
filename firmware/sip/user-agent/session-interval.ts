import { parseDecimal } from '../message/grammar.ts';
import type { HeaderField, Headers } from '../message/headers.ts';
import type { SipMessage } from '../message/message.ts';
import { paramValue, parseParams } from '../message/params.ts';
import type { SipResponse } from '../message/response.ts';

/** What we want of session timers (RFC 4028). */
export interface SessionTimerOptions {
  /** How long a session lives without a refresh: what we ask for, and the most that we agree to. */
  readonly expiresSeconds: number;
  /** Less than this gets 422; at least 90 (RFC 4028 §5). */
  readonly minSeconds: number;
}

export const DEFAULT_SESSION_TIMER: SessionTimerOptions = { expiresSeconds: 1800, minSeconds: 90 };

/** A peer that wants more each time that it is asked is not asked for ever. */
const MAX_RAISES = 2;

/** What our own INVITE or UPDATE asks for: a peer or a proxy on the way may want more (RFC 4028 §7.4). */
export class AskedInterval {
  #seconds: number;
  #minSeconds: number | undefined;
  #raises = 0;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  get seconds(): number {
    return this.#seconds;
  }

  /** `present`: what was agreed on; it goes on with the roles that it has. */
  headers(present?: SessionInterval): readonly HeaderField[] {
    const seconds = Math.max(present?.expiresSeconds ?? this.#seconds, this.#minSeconds ?? 0);
    const refresher = present === undefined ? '' : `;refresher=${present.refresher === 'us' ? 'uac' : 'uas'}`;
    const headers: HeaderField[] = [['Session-Expires', `${seconds}${refresher}`]];
    if (this.#minSeconds !== undefined) headers.push(['Min-SE', String(this.#minSeconds)]);
    return headers;
  }

  /** A response came; true when it is a 422 that wants more than was asked for yet, and is not one too many. */
  raise(response: SipResponse): boolean {
    const wanted = minSeconds(response.headers);
    if (response.status !== 422 || !response.headers.has('Min-SE') || wanted <= (this.#minSeconds ?? 0)) return false;
    if (this.#raises === MAX_RAISES) return false;
    this.#raises += 1;
    this.#minSeconds = wanted;
    this.#seconds = Math.max(this.#seconds, wanted);
    return true;
  }
}

/** What both sides agreed on. */
export interface SessionInterval {
  readonly expiresSeconds: number;
  readonly refresher: 'us' | 'peer';
}

const MAX_SECONDS = 2 ** 31 - 1;
/** RFC 4028 §5. */
const LEAST_SECONDS = 90;

export interface SessionExpires {
  readonly seconds: number;
  /** By the roles of the transaction at hand. */
  readonly refresher: 'uac' | 'uas' | undefined;
}

/** Undefined when there is none, or when it does not follow the grammar. */
export function parseSessionExpires(headers: Headers): SessionExpires | undefined {
  const text = headers.get('Session-Expires');
  if (text === undefined) return undefined;
  const semicolon = text.indexOf(';');
  const seconds = parseDecimal((semicolon === -1 ? text : text.slice(0, semicolon)).trim(), MAX_SECONDS);
  const params = semicolon === -1 ? [] : parseParams(text, semicolon);
  if (seconds === undefined || params === undefined) return undefined;
  const refresher = paramValue(params, 'refresher')?.toLowerCase();
  return { seconds, refresher: refresher === 'uac' || refresher === 'uas' ? refresher : undefined };
}

export function minSeconds(headers: Headers): number {
  const text = headers.get('Min-SE')?.split(';', 1)[0]?.trim();
  return Math.max(LEAST_SECONDS, parseDecimal(text ?? '', MAX_SECONDS) ?? 0);
}

/** Whether a list header (Supported, Require, Allow) of a message names `value`, compared without case. */
export function lists(message: SipMessage, header: string, value: string): boolean {
  return message.headers.list(header)?.some((item) => item.toLowerCase() === value) === true;
}

export type Agreement =
  /** RFC 4028 §9: 422 with this Min-SE. */
  | { readonly kind: 'too-small'; readonly minSeconds: number }
  | { readonly kind: 'agreed'; readonly interval: SessionInterval; readonly headers: readonly HeaderField[] };

/** The side that answers INVITE or UPDATE (RFC 4028 §9, table 2). */
export function agreeAsServer(request: SipMessage, options: SessionTimerOptions): Agreement {
  const asked = parseSessionExpires(request.headers);
  const peerKnows = lists(request, 'Supported', 'timer') || lists(request, 'Require', 'timer');
  if (asked !== undefined && peerKnows && asked.seconds < options.minSeconds) {
    return { kind: 'too-small', minSeconds: options.minSeconds };
  }
  const most = Math.max(options.expiresSeconds, minSeconds(request.headers));
  const expiresSeconds = Math.max(Math.min(asked?.seconds ?? most, most), LEAST_SECONDS);
  // Who asks may say who refreshes; else it does, since it knows better whether there is a NAT to keep open.
  const peerRefreshes = peerKnows && asked?.refresher !== 'uas';
  const headers: HeaderField[] = [['Session-Expires', `${expiresSeconds};refresher=${peerRefreshes ? 'uac' : 'uas'}`]];
  if (peerRefreshes) headers.push(['Require', 'timer']);
  return { kind: 'agreed', interval: { expiresSeconds, refresher: peerRefreshes ? 'peer' : 'us' }, headers };
}

/**
 * The side that sent INVITE or UPDATE, by the 2xx (RFC 4028 §7.2). A peer that knows nothing of session timers is
 * refreshed all the same: whether it answers tells whether it is there.
 */
export function agreeAsClient(response: SipMessage, asked: number): SessionInterval {
  const answer = parseSessionExpires(response.headers);
  if (answer === undefined) return { expiresSeconds: asked, refresher: 'us' };
  const expiresSeconds = Math.max(answer.seconds, LEAST_SECONDS);
  return { expiresSeconds, refresher: answer.refresher === 'uas' ? 'peer' : 'us' };
}

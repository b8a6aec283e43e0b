import { detachedText } from '../../core/detached-text.ts';
import { parseNameAddr } from '../message/name-addr.ts';
import type { SipRequest } from '../message/request.ts';
import { parseSipUri } from '../message/uri.ts';
import { TokenBucket } from './token-bucket.ts';

/** Programs that look for boxes to break into, by the name that they give themselves. Tools that people use to look after their own box (sipsak, sipp) are none. */
const SCANNERS: readonly RegExp[] = [
  // SIPVicious and its descendants; the name is in From too.
  /friendly-(?:scanner|request)|sipvicious|sundayddr/i,
  // Only ever seen in toll fraud.
  /sipcli\b|pplsip|sip-?bot|^iwar|siparmyknife|^sivus|^smap\b|^gulp\b/i,
  /sip-?scan|vax(?:sip|ip)useragent|\bnmap\b/i,
];

/** Different users that a stranger may ask for within the window and before anybody there has logged in. */
export const MAX_TARGETS = 20;
/** An office whose phones all start at once has the first of them logged in by then. */
export const TARGETS_GRACE_MS = 5000;
/** So many malformed messages, and more than there were others. */
export const MAX_MALFORMED = 20;
const WINDOW_MS = 60_000;
const MAX_TARGET_LENGTH = 64;
/** OPTIONS of a stranger that are answered (RFC 3261 §11): enough for whoever checks whether we live. */
const OPTIONS_PER_SECOND = 10;
const OPTIONS_BURST = 40;

export type Suspicion = { readonly kind: 'scanner'; readonly reason: string } | { readonly kind: 'rate' };

/** What one stranger has asked for lately. */
export class Behaviour {
  #sinceMs = 0;
  #messages = 0;
  #malformed = 0;
  #targets: Set<string> | undefined;
  #options: TokenBucket | undefined;

  /** A message came, whatever it is. */
  count(nowMs: number): void {
    if (nowMs - this.#sinceMs >= WINDOW_MS || nowMs < this.#sinceMs) {
      this.#sinceMs = nowMs;
      this.#messages = 0;
      this.#malformed = 0;
      this.#targets = undefined;
    }
    this.#messages += 1;
  }

  /** A message that was counted is malformed; whether that makes the sender a scanner. */
  isMalformedTooOften(): boolean {
    this.#malformed += 1;
    return this.#malformed >= MAX_MALFORMED && this.#malformed * 2 > this.#messages;
  }

  /** Judges a request of a source from which nobody has logged in. */
  judge(request: SipRequest, nowMs: number): Suspicion | undefined {
    const { method } = request;
    if (method === 'ACK' || method === 'CANCEL' || request.toTag !== undefined) return undefined;
    if (this.#asksAround(targetOf(request), nowMs)) {
      return { kind: 'scanner', reason: `asked for more than ${MAX_TARGETS} users` };
    }
    if (method !== 'OPTIONS') return undefined;
    this.#options ??= new TokenBucket(nowMs, OPTIONS_BURST);
    return this.#options.take(nowMs, OPTIONS_PER_SECOND, OPTIONS_BURST) ? undefined : { kind: 'rate' };
  }

  #asksAround(target: string, nowMs: number): boolean {
    this.#targets ??= new Set();
    if (this.#targets.size <= MAX_TARGETS && !this.#targets.has(target)) {
      this.#targets.add(detachedText(target, MAX_TARGET_LENGTH));
    }
    return this.#targets.size > MAX_TARGETS && nowMs - this.#sinceMs >= TARGETS_GRACE_MS;
  }
}

/** What a program of ill repute says of itself; undefined for all others. */
export function scannerName(request: SipRequest): string | undefined {
  const userAgent = request.headers.get('User-Agent') ?? '';
  const caller = request.headers.get('From') ?? '';
  for (const rule of SCANNERS) {
    const found = rule.exec(userAgent)?.[0];
    if (found !== undefined) return found;
  }
  return /sipvicious/i.exec(caller)?.[0];
}

/** Whom a REGISTER is for, or whom any other request wants. */
function targetOf(request: SipRequest): string {
  const uri = request.method === 'REGISTER' ? (parseNameAddr(request.headers.get('To') ?? '')?.uri ?? '') : request.uri;
  return (parseSipUri(uri)?.user ?? '').slice(0, MAX_TARGET_LENGTH);
}

import { Dialog } from '../dialog/dialog.ts';
import { parseDecimal } from '../message/grammar.ts';
import type { SipRequest } from '../message/request.ts';
import type { SipResponse } from '../message/response.ts';
import type { EstablishedSession } from './established-session.ts';
import { lists } from './session-interval.ts';

/** Devices behind one INVITE whose dialogs are kept; more than a user has. */
export const MAX_FORKS = 16;

/** One of those who answer an INVITE of ours: an early dialog, or the one with the session in it. */
export interface Fork {
  readonly session: EstablishedSession;
  /** Of the provisional response that was acknowledged last. */
  lastRseq: number | undefined;
  /** The answer of a reliable provisional response: the 2xx need not repeat it (RFC 3262 §5). */
  earlyAnswer: string | undefined;
}

/** The dialogs that one INVITE has made, by To tag (RFC 3261 §12.1, §13.2.2.4). */
export class Forks {
  readonly #forks = new Map<string, Fork>();
  /** Of those that are out: what they sent last counts on, should they answer after all. */
  #left: Map<string, Dialog> | undefined;
  readonly #makeSession: (dialog: Dialog) => EstablishedSession;

  constructor(makeSession: (dialog: Dialog) => EstablishedSession) {
    this.#makeSession = makeSession;
  }

  /** The one that this response is of, made where it is new; undefined without a tag, and beyond the limit. */
  of(request: SipRequest, response: SipResponse): Fork | undefined {
    const tag = response.toTag ?? '';
    const known = this.#forks.get(tag);
    if (known !== undefined) return known;
    // RFC 3261 §13.2.2.4: a 2xx of RFC 2543 may have no tag.
    if ((tag === '' && response.status < 200) || this.#forks.size >= MAX_FORKS) return undefined;
    const session = this.#makeSession(this.#left?.get(tag) ?? Dialog.ofCaller(request, response));
    const fork: Fork = { session, lastRseq: undefined, earlyAnswer: undefined };
    this.#forks.set(tag, fork);
    return fork;
  }

  get(tag: string | undefined): Fork | undefined {
    return this.#forks.get(tag ?? '');
  }

  /** The one that was heard of first. */
  get first(): Fork | undefined {
    return this.#forks.values().next().value;
  }

  /** RFC 6228: this one is out. */
  leave(tag: string | undefined): void {
    const fork = this.#forks.get(tag ?? '');
    if (fork !== undefined) this.#end(tag ?? '', fork);
  }

  /** Ends all but `kept`, without a word: those that answer later get their BYE then. */
  end(kept?: EstablishedSession): void {
    for (const [tag, fork] of this.#forks) {
      if (fork.session !== kept) this.#end(tag, fork);
    }
  }

  /** Another INVITE takes the place of the one that they answered. */
  forget(): void {
    this.end();
    this.#left = undefined;
  }

  /** This one has answered, and its session is over. */
  drop(tag: string): void {
    this.#forks.delete(tag);
    this.#left?.delete(tag);
  }

  #end(tag: string, { session }: Fork): void {
    this.#forks.delete(tag);
    this.#left ??= new Map();
    if (this.#left.size < MAX_FORKS) this.#left.set(tag, session.side.dialog);
    session.end('rejected');
  }
}

/**
 * Acknowledges a reliable provisional response with PRACK (RFC 3262 §4). False for one that came again or out of order: it
 * is as if it had not come.
 */
export function acknowledge(fork: Fork, response: SipResponse): boolean {
  if (response.status === 100 || !lists(response, 'Require', '100rel')) return true;
  const rseq = parseDecimal(response.headers.get('RSeq') ?? '', 2 ** 32 - 1);
  if (rseq === undefined || (fork.lastRseq !== undefined && rseq !== fork.lastRseq + 1)) return false;
  fork.lastRseq = rseq;
  fork.earlyAnswer ??= response.sdp;
  const { dialog } = fork.session.side;
  dialog.refreshTarget(response);
  void fork.session.side.request('PRACK', { headers: [['RAck', `${rseq} ${response.cseq.number} INVITE`]] });
  return true;
}

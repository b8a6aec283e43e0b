import type { Clock } from '../core/clock.ts';
import { detachedText } from '../core/detached-text.ts';
import { RecentMap } from '../core/recent-map.ts';
import { type Admission, type Flow, sourceOf } from '../sip/stack.ts';

export interface LoginGuardOptions {
  readonly admission: Pick<Admission, 'know' | 'block' | 'isProven'>;
  /** After how many failed logins a source is blocked; asked at each. */
  readonly failedLogins: () => number;
  readonly clock: Clock;
}

/** Failures that lie further apart do not add up. */
export const FAILURE_WINDOW_MS = 600_000;
/**
 * An office behind one address has many phones, and one with a mistyped password fails for ever: from where somebody has
 * logged in, only the name that fails is blocked, and the whole source not before it has failed so many times as often.
 */
export const PROVEN_FACTOR = 4;
/** Sources that have failed lately, and the names of one of them that are counted each by itself. */
const MAX_SOURCES = 4096;
const MAX_USERS = 64;
/** Of a name that a stranger chose. */
const MAX_USER_LENGTH = 64;

interface Failures {
  readonly sinceMs: number;
  total: number;
  readonly users: Map<string, FailuresOfUser>;
}

interface FailuresOfUser {
  failed: number;
  /** Those of them at the user's own password. */
  own: number;
}

/** Counts failed logins by source and name, and has those blocked who guess passwords. */
export class LoginGuard {
  readonly #options: LoginGuardOptions;
  readonly #failures = new RecentMap<string, Failures>(MAX_SOURCES);

  constructor(options: LoginGuardOptions) {
    this.#options = options;
  }

  /** `user` has proved its password: what it failed before is forgiven, what others there failed is not. */
  succeeded(flow: Flow, user: string): void {
    this.#options.admission.know(flow, 'login', user);
    const failures = this.#failures.get(sourceOf(flow.remoteAddress, flow.localAddress));
    if (failures === undefined) return;
    const name = detachedText(user, MAX_USER_LENGTH);
    const ofUser = failures.users.get(name);
    if (ofUser === undefined) return;
    failures.total -= ofUser.own;
    ofUser.failed -= ofUser.own;
    ofUser.own = 0;
    if (ofUser.failed === 0) failures.users.delete(name);
  }

  /**
   * A wrong password, or an unknown user; a stale nonce and a challenge without an answer are none. `claimed` is whose
   * password it was to be: who guesses another's in its own name is not forgiven for knowing its own.
   */
  failed(flow: Flow, user: string, claimed = user): void {
    const { admission, failedLogins, clock } = this.#options;
    const source = sourceOf(flow.remoteAddress, flow.localAddress);
    const name = detachedText(user, MAX_USER_LENGTH);
    const now = clock.now();
    let failures = this.#failures.get(source);
    if (failures === undefined || now - failures.sinceMs >= FAILURE_WINDOW_MS || now < failures.sinceMs) {
      failures = { sinceMs: now, total: 0, users: new Map() };
      this.#failures.set(source, failures);
    }
    failures.total += 1;
    const ofUser = failures.users.get(name) ?? { failed: 0, own: 0 };
    ofUser.failed += 1;
    if (claimed === user) ofUser.own += 1;
    if (failures.users.size < MAX_USERS) failures.users.set(name, ofUser);

    const limit = failedLogins();
    const isProven = admission.isProven(flow);
    if (failures.total >= (isProven ? limit * PROVEN_FACTOR : limit)) {
      this.#failures.delete(source);
      admission.block(flow, `${failures.total} failed logins`);
    } else if (isProven && ofUser.failed >= limit) {
      failures.total -= ofUser.failed;
      failures.users.delete(name);
      admission.block(flow, `${ofUser.failed} failed logins`, name);
    }
  }
}

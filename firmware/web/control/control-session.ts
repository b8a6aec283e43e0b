import { type CallView, callViews } from '../../call/control/call-view.ts';
import { ClientControl, type ClientControlOptions } from '../../call/control/client-control.ts';
import { MODES } from '../../call/control/mode.ts';
import { fault } from '../../call/control/outcome.ts';
import type { UserPresences } from '../../call/history/user-presence.ts';
import { nameOf } from '../../call/routing/planning.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger, SourceLog } from '../../core/logger.ts';
import { type ClientConnection, type ClientLogin, LOGIN_URI } from '../../registrar/client-login.ts';
import { RateLimit } from '../rate-limit.ts';
import {
  type ClientRequest,
  type LoginRequest,
  PROTOCOL_VERSION,
  readRequest,
  type ServerMessage,
} from './protocol.ts';
import type { UserWatch } from './user-watch.ts';

export interface ControlSessionOptions extends ClientControlOptions {
  readonly login: ClientLogin;
  readonly presences: Pick<UserPresences, 'legsOf'>;
  readonly users: UserWatch;
  /** Who answers an extension; undefined where it is nobody's. */
  readonly userOf: (extension: string) => string | undefined;
  /** One more session of that user begins; false where he has as many as he may. */
  readonly admits: (session: ControlSession) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sourceLog: SourceLog;
}

/** What carries a session. */
export interface ControlChannel extends ClientConnection {
  send(text: string): void;
  /** `code` of RFC 6455 §7.4. */
  close(code: number, reason: string): void;
}

/** From the connection to the login. */
const LOGIN_TIMEOUT_MS = 15_000;
const MAX_FAILED_LOGINS = 3;
/** A person presses fewer buttons; a program that hangs presses more. */
const REQUESTS_PER_SECOND = 20;
const REQUEST_BURST = 60;
/** After so many too many it is no mistake any more. */
const MAX_EXCESS = 200;
/** Requests that are being carried out at once. */
const MAX_PENDING = 16;

/** RFC 6455 §5.5: of a control frame, less the code. */
const MAX_REASON_BYTES = 123;

/** RFC 6455 §7.4.1 and §7.4.2: policy violation; an error of the box; and of our own, not logged in. */
const POLICY_VIOLATION = 1008;
const INTERNAL_ERROR = 1011;
export const NOT_LOGGED_IN = 4401;

/** One client over one connection: logs in, asks, and is told of the calls of its user. */
export class ControlSession {
  readonly #options: ControlSessionOptions;
  readonly #channel: ControlChannel;
  readonly #rate: RateLimit;
  readonly #told = new Map<string, string>();
  #patience: Timer | undefined;
  #control: ClientControl | undefined;
  #watchesNoMore: (() => void) | undefined;
  #failedLogins = 0;
  #excess = 0;
  #pending = 0;
  #isUpdating = false;
  #closed = false;

  constructor(channel: ControlChannel, options: ControlSessionOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#rate = new RateLimit(REQUESTS_PER_SECOND, REQUEST_BURST, options.clock);
    this.#patience = options.clock.schedule(LOGIN_TIMEOUT_MS, () => this.end(NOT_LOGGED_IN, 'no login in time'));
    this.#challenge();
  }

  /** Of whoever has logged in. */
  get user(): string | undefined {
    return this.#control?.user;
  }

  get extension(): string | undefined {
    return this.#control?.extension;
  }

  /** Why its user could not log in from there any more; undefined where he could. */
  get loginRefusal(): string | undefined {
    const { extension } = this;
    return extension === undefined ? undefined : this.#options.login.refusalOf(extension, this.#channel);
  }

  /** Hangs up where the user may not have the mode any more. */
  recheckMode(): void {
    const lost = this.#control?.modeRefusal;
    if (lost !== undefined) this.end(POLICY_VIOLATION, lost);
  }

  /** A message of the client. */
  receive(text: string): void {
    if (this.#closed) return;
    if (!this.#rate.take('')) {
      this.#excess += 1;
      if (this.#excess > MAX_EXCESS) this.end(POLICY_VIOLATION, 'too many messages');
      // One word is enough: who floods is not helped by an answer to each.
      else if (this.#excess === 1) this.#send({ ok: false, error: 'too-many', reason: 'too many messages a second' });
      return;
    }
    // Not forgotten at once: of a flood, too, some are within the rate.
    if (this.#excess > 0) this.#excess -= 1;
    const read = readRequest(text);
    if (read.kind === 'fault') {
      const { kind: _, ...told } = read;
      this.#send({ ...told, ok: false });
      return;
    }
    const { request } = read;
    if (request.verb === 'login') this.#login(request);
    else if (this.#control === undefined) {
      this.#send({ id: request.id, ok: false, error: 'not-logged-in', reason: 'log in first' });
    } else this.#ask(request, this.#control);
  }

  /** The calls of its user may be others, or otherwise: told once a turn, when all that belongs together has happened. */
  callsChanged(): void {
    if (this.#isUpdating || this.#closed) return;
    this.#isUpdating = true;
    setImmediate(() => {
      this.#isUpdating = false;
      if (!this.#closed) this.#tellCalls();
    });
  }

  /** Hangs up on the client; its calls go on. Idempotent. */
  end(code: number, reason: string): void {
    if (this.#closed) return;
    this.closed();
    this.#channel.close(
      code,
      Buffer.from(reason)
        .subarray(0, MAX_REASON_BYTES)
        .toString()
        .replace(/\ufffd$/, ''),
    );
  }

  /** The connection is gone. Idempotent. */
  closed(): void {
    this.#closed = true;
    this.#patience?.cancel();
    this.#watchesNoMore?.();
    this.#control?.close();
  }

  #challenge(): void {
    const { login } = this.#options;
    this.#send({
      event: 'challenge',
      protocol: PROTOCOL_VERSION,
      realm: login.realm,
      nonce: login.challenge(),
      algorithm: 'SHA-256',
      uri: LOGIN_URI,
    });
  }

  #login({ id, ...proof }: LoginRequest): void {
    const { login, userOf, admits, configuration, logger, sourceLog } = this.#options;
    if (this.#control !== undefined) {
      this.#send({ id, ok: false, error: 'wrong-state', reason: 'the client has logged in already' });
      return;
    }
    const result = login.login(proof, this.#channel);
    const user = result.kind === 'ok' ? userOf(proof.extension) : undefined;
    if (user === undefined) {
      // Whether there is such an extension, or such a user, nobody learns here.
      this.#send({ id, ok: false, error: 'unauthorized', reason: 'the extension or its password is wrong' });
      this.#failedLogins += 1;
      const why =
        result.kind === 'refused' ? result.why : result.kind === 'ok' ? 'the extension is nobody’s' : result.kind;
      sourceLog.warn(this.#channel.remoteAddress, { extension: proof.extension, why }, 'login of a client refused');
      if (this.#failedLogins >= MAX_FAILED_LOGINS) this.end(NOT_LOGGED_IN, 'too many failed logins');
      else this.#challenge();
      return;
    }
    this.#control = new ClientControl(user, proof.extension, this.#options);
    if (!admits(this)) {
      this.#send({ id, ok: false, error: 'too-many', reason: 'the user has too many clients' });
      this.end(POLICY_VIOLATION, 'too many clients of one user');
      return;
    }
    this.#patience?.cancel();
    logger.info({ user, source: this.#channel.remoteAddress }, 'a client directs calls');
    const { mode } = this.#control;
    this.#send({ id, ok: true, user, name: nameOf(configuration(), user), mode, modes: MODES });
    this.#tellCalls();
  }

  #ask(request: Exclude<ClientRequest, LoginRequest>, control: ClientControl): void {
    const { id } = request;
    if (request.verb === 'calls') {
      this.#send({ id, ok: true, calls: this.#views(control) });
      return;
    }
    if (request.verb === 'users') {
      this.#watchUsers(id);
      return;
    }
    if (request.verb === 'mode') {
      this.#send({ id, ...control.setMode(request.mode, request) });
      return;
    }
    if (this.#pending >= MAX_PENDING) {
      this.#send({ id, ok: false, error: 'too-many', reason: 'too many requests have no answer yet' });
      return;
    }
    this.#pending += 1;
    control
      .ask(request)
      .catch((error: unknown) => {
        this.#options.logger.error({ err: error, verb: request.verb }, 'a request of a client failed');
        return fault('failed', 'something went wrong in the box', 500);
      })
      .then((outcome) => {
        this.#pending -= 1;
        this.#send({ id, ...outcome });
      })
      .catch(() => this.end(INTERNAL_ERROR, ''));
  }

  #watchUsers(id: number): void {
    const { users } = this.#options;
    if (!users.isAllowed) {
      const reason = 'nobody may watch the calls of others (system.lamps.watchers)';
      this.#send({ id, ok: false, error: 'refused', reason, status: 403 });
      return;
    }
    this.#send({ id, ok: true, users: users.snapshot() });
    this.#watchesNoMore ??= users.add((text) => {
      if (!this.#closed) this.#channel.send(text);
    });
  }

  #views(control: ClientControl): readonly CallView[] {
    return callViews(this.#options.presences.legsOf(control.user), (call) => control.placesIn(call));
  }

  /** What is new of each call. */
  #tellCalls(): void {
    if (this.#control === undefined) return;
    const views = this.#views(this.#control);
    for (const call of [...this.#told.keys()]) {
      if (views.some((view) => view.call === call) || this.#control.isAnswering(call)) continue;
      this.#told.delete(call);
      this.#send({ event: 'ended', call });
    }
    for (const view of views) {
      const text = JSON.stringify(view);
      if (this.#told.get(view.call) === text) continue;
      this.#told.set(view.call, text);
      this.#send({ event: 'call', ...view });
    }
  }

  #send(message: ServerMessage): void {
    if (!this.#closed) this.#channel.send(JSON.stringify(message));
  }
}

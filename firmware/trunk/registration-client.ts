import type { Clock, Timer } from '../core/clock.ts';
import { RingdownError } from '../core/errors.ts';
import { type Flow, formatSipUri, type SipResponse, type SipStack } from '../sip/stack.ts';
import type { LineSettings } from './line-settings.ts';
import type { RegisteredWay } from './outgoing-invite.ts';
import {
  nextRegistration,
  type RegistrationEffect,
  type RegistrationInput,
  type RegistrationState,
} from './registration.ts';
import { type RegistrationOutcome, registrationOutcome } from './registration-answer.ts';

/** What lines need of the SIP stack. */
export type LineStack = Pick<
  SipStack,
  'request' | 'ways' | 'addressesOf' | 'isOpen' | 'sentBy' | 'provenName' | 'keepAlive'
>;

export interface RegistrationClientOptions {
  readonly settings: LineSettings;
  readonly stack: LineStack;
  /** `urn:uuid:…` of this box (RFC 5626 §4.1): the same after each start. */
  readonly instanceId: string;
  /** In our Contact, so that calls to it are known: unguessable, the same for as long as the box runs. */
  readonly token: string;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** The state, or the way, is another one. */
  readonly onChanged: () => void;
  /** The registrar will not have us: nothing but a person mends that. */
  readonly onRefused: (reason: string) => void;
}

/** Servers that one REGISTER is sent to, one after the other. */
const MAX_SERVERS = 4;
/** Good-bye is said in time or not at all. */
const UNREGISTER_MS = 4000;
/** How often a connection without keep-alives is looked at. */
const LOOK_MS = 30_000;
/** A registrar that wants a packet each second is not given one. */
const MIN_KEEP_ALIVE_MS = 10_000;
const MAX_KEEP_ALIVE_MS = 600_000;
/** RFC 5626 §4.4.1, §4.4.2: between 80 and 100 % of the time that the registrar names. */
const KEEP_ALIVE_SHARE = 0.8;

const NO_WAY: RegisteredWay = { serviceRoute: [], associated: [] };

/** Keeps one line registered: runs what registration.ts decides. */
export class RegistrationClient {
  readonly #options: RegistrationClientOptions;
  readonly #callId: string;
  #state: RegistrationState = { phase: 'idle' };
  #cseq = 1;
  #timer: Timer | undefined;
  #keepAliveTimer: Timer | undefined;
  /** Which of the registrations one after the other keeps the flow alive. */
  #keepAliveRound = 0;
  #flow: Flow | undefined;
  #way: RegisteredWay = NO_WAY;
  #lastAnswer = '';
  #ended: () => void = () => undefined;
  readonly #whenEnded: Promise<void>;

  constructor(options: RegistrationClientOptions) {
    this.#options = options;
    // RFC 3261 §10.2.4: one Call-ID for all of them, so that CSeq tells the newest.
    this.#callId = `${options.token}-${options.settings.number}`;
    this.#whenEnded = new Promise((resolve) => {
      this.#ended = resolve;
    });
  }

  get state(): RegistrationState {
    return this.#state;
  }

  /** By which the registrar reaches us; undefined where it does not, or not any more. */
  get flow(): Flow | undefined {
    return this.#state.phase === 'registered' || this.#state.phase === 'registering' ? this.#flow : undefined;
  }

  get way(): RegisteredWay {
    return this.#way;
  }

  /** The last final response, in words; empty before there was one. */
  get lastAnswer(): string {
    return this.#lastAnswer;
  }

  start(): void {
    this.#take({ kind: 'start', askedSeconds: this.#options.settings.configured.expirySeconds });
  }

  /** Calls by this registration fail: it is looked whether another server does better. */
  doubt(): void {
    this.#take({ kind: 'flow-failed', atMs: this.#options.clock.now() });
  }

  /** Unregisters; resolves when that is done, or after 8 s: an answer that is due is waited for, and not for ever. Idempotent. */
  stop(): Promise<void> {
    this.#keepAliveTimer?.cancel();
    this.#take({ kind: 'stop' });
    if (this.#state.phase === 'registering') {
      const patience = this.#options.clock.schedule(UNREGISTER_MS, () => {
        if (this.#state.phase === 'registering') this.drop();
      });
      void this.#whenEnded.then(() => patience.cancel());
    }
    return this.#whenEnded;
  }

  /** Ends without a word. Idempotent. */
  drop(): void {
    this.#state = { phase: 'ended' };
    this.#timer?.cancel();
    this.#keepAliveTimer?.cancel();
    this.#ended();
  }

  #take(input: RegistrationInput): void {
    if (this.#state.phase === 'ended') return;
    const { state, effects } = nextRegistration(this.#state, input);
    const isOther = state !== this.#state;
    this.#state = state;
    for (const effect of effects) this.#carryOut(effect);
    if (isOther) this.#options.onChanged();
  }

  #carryOut(effect: RegistrationEffect): void {
    switch (effect.kind) {
      case 'register':
        void this.#register(effect.expirySeconds, effect.targets);
        break;
      case 'unregister':
        void this.#unregister();
        break;
      case 'schedule':
        this.#timer?.cancel();
        this.#timer = this.#options.clock.schedule(effect.delayMs, () => this.#take({ kind: 'timer' }));
        break;
      case 'cancel-timer':
        this.#timer?.cancel();
        break;
      case 'tell':
        this.#options.onRefused(effect.reason);
        break;
      case 'ended':
        this.#keepAliveTimer?.cancel();
        this.#ended();
        break;
    }
  }

  async #register(expirySeconds: number, targets: readonly string[]): Promise<void> {
    const outcome = await this.#ask(expirySeconds, targets);
    const { clock, random } = this.#options;
    if (this.#state.phase === 'ended') return;
    if (outcome.kind === 'registered') {
      this.#way = { serviceRoute: outcome.serviceRoute, associated: outcome.associated };
      this.#keepAlive(outcome);
    }
    this.#take({ kind: 'answered', outcome, atMs: clock.now(), random: random() });
  }

  /** Server after server, the one that knows us first (RFC 3263 §4.3). Never rejects. */
  async #ask(expirySeconds: number, targets: readonly string[]): Promise<RegistrationOutcome> {
    const { settings, token } = this.#options;
    let outcome: RegistrationOutcome = { kind: 'no-way', reason: 'no way to the registrar' };
    let asked = 0;
    try {
      for await (const flow of this.#flows(targets)) {
        const response = await this.#send(flow, expirySeconds);
        asked += 1;
        // What the stack makes itself, for no answer and no way, has seen no Via.
        const isOwn = !response.headers.has('Via');
        if (!isOwn) this.#lastAnswer = `${response.status} ${response.reason}`.trim().slice(0, 80);
        outcome = isOwn
          ? { kind: 'failed', reason: silence(response.status), retryAfterSeconds: undefined }
          : registrationOutcome(response, { token, user: settings.contactUser });
        // 408 and 503 stand for no answer and no way as well.
        if (response.status !== 408 && response.status !== 503) {
          if (outcome.kind === 'registered') this.#flow = flow;
          return outcome;
        }
        if (asked >= MAX_SERVERS || this.#isUnwanted) break;
      }
    } catch (error) {
      if (asked === 0) return { kind: 'no-way', reason: reasonOf(error) };
    }
    return outcome;
  }

  get #isUnwanted(): boolean {
    return this.#state.phase === 'registering' && this.#state.isUnwanted;
  }

  async *#flows(targets: readonly string[]): AsyncGenerator<Flow, void, undefined> {
    const { stack, settings } = this.#options;
    const known = targets.length === 0 ? this.#flow : undefined;
    if (known !== undefined && stack.isOpen(known)) yield known;
    let error: unknown;
    for (const target of [...targets.map((uri) => this.#redirected(uri)), settings.registrar.target]) {
      try {
        for await (const flow of stack.ways(target)) {
          // Over UDP the same server is the same flow; a connection that broke is another.
          if (known === undefined || !isSamePeer(flow, known)) yield flow;
        }
      } catch (cause) {
        error = cause;
      }
    }
    if (error !== undefined) throw error;
  }

  /** RFC 3261 §8.1.3.4, over the transport of the line: nobody leads it from TLS to UDP. */
  #redirected(uri: string): string {
    const { transport } = this.#options.settings.configured;
    const bare =
      uri
        .split('?')[0]
        ?.split(';')[0]
        ?.replace(/^sips:/i, 'sip:') ?? uri;
    return `${bare};transport=${transport}`;
  }

  #send(flow: Flow, expirySeconds: number): Promise<SipResponse> {
    const { settings, stack } = this.#options;
    const { registrar, aor, credentials } = settings;
    const sending = stack.request({
      method: 'REGISTER',
      flow,
      requestUri: registrar.uri,
      from: { uri: aor },
      to: { uri: aor },
      callId: this.#callId,
      firstCseq: this.#cseq,
      headers: [
        ['Contact', this.#contact(flow, expirySeconds)],
        ['Expires', String(expirySeconds)],
        ['Supported', 'path, outbound'],
      ],
      ...(credentials === undefined ? {} : { credentials }),
    });
    return sending.then((response) => {
      this.#cseq = response.cseq.number + 1;
      return response;
    });
  }

  #contact(flow: Flow, expirySeconds: number): string {
    const { stack, settings, token, instanceId } = this.#options;
    const uri = formatSipUri({
      scheme: 'sip',
      user: settings.contactUser,
      password: undefined,
      ...stack.sentBy(flow),
      params: [...(flow.protocol === 'udp' ? [] : [['transport', flow.protocol] as const]), ['line', token]],
      headers: undefined,
    });
    return `<${uri}>;expires=${expirySeconds};reg-id=1;+sip.instance="<${instanceId}>"`;
  }

  async #unregister(): Promise<void> {
    const { clock, stack } = this.#options;
    const flow = this.#flow;
    const patience = clock.schedule(UNREGISTER_MS, () => this.drop());
    if (flow !== undefined && stack.isOpen(flow)) await this.#send(flow, 0);
    patience.cancel();
    const reason = 'unregistered';
    const outcome: RegistrationOutcome = { kind: 'failed', reason, retryAfterSeconds: undefined };
    this.#take({ kind: 'answered', outcome, atMs: clock.now(), random: 0 });
  }

  /** In place of what kept alive before, also where that is waiting for an answer. */
  #keepAlive({ keepsFlow, flowTimerSeconds }: RegistrationOutcome & { readonly kind: 'registered' }): void {
    this.#keepAliveTimer?.cancel();
    const { clock, settings, random } = this.#options;
    const configuredMs = settings.configured.keepAliveSeconds * 1000;
    const wantedMs = flowTimerSeconds === undefined ? undefined : flowTimerSeconds * 1000;
    const isSilent = wantedMs === undefined && configuredMs === 0;
    const longestMs = Math.min(MAX_KEEP_ALIVE_MS, wantedMs ?? (isSilent ? LOOK_MS : configuredMs));
    const delayMs = Math.max(MIN_KEEP_ALIVE_MS, longestMs * (KEEP_ALIVE_SHARE + 0.2 * random()));
    this.#keepAliveRound += 1;
    const round = this.#keepAliveRound;
    const next = (): void => {
      this.#keepAliveTimer = clock.schedule(delayMs, () => void look());
    };
    const look = async (): Promise<void> => {
      const flow = this.#flow;
      const { stack } = this.#options;
      if (flow === undefined || this.#state.phase !== 'registered') return next();
      const isThere = isSilent ? stack.isOpen(flow) : await stack.keepAlive(flow, keepsFlow);
      if (this.state.phase === 'ended' || this.#keepAliveRound !== round || this.#flow !== flow) return;
      next();
      if (!isThere) this.doubt();
    };
    next();
  }
}

function isSamePeer(one: Flow, other: Flow): boolean {
  return (
    one.protocol === 'udp' &&
    other.protocol === 'udp' &&
    one.remoteAddress === other.remoteAddress &&
    one.remotePort === other.remotePort
  );
}

function silence(status: number): string {
  return status === 408 ? 'no answer of the registrar' : 'the way to the registrar is gone';
}

function reasonOf(error: unknown): string {
  return error instanceof RingdownError ? error.message.slice(0, 120) : 'no way to the registrar';
}

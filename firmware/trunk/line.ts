import type { Clock, Timer } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Flow } from '../sip/stack.ts';
import type { Channels } from './channels.ts';
import type { LineSettings } from './line-settings.ts';
import { type LineCondition, lineCondition } from './line-state.ts';
import type { RegisteredWay } from './outgoing-invite.ts';
import type { LinePeer } from './peer-match.ts';
import { PeerWatch } from './peer-watch.ts';
import { type LineStack, RegistrationClient } from './registration-client.ts';

export interface LineOptions {
  readonly settings: LineSettings;
  /** Those of calls that began before the line was edited among them. */
  readonly channels: Channels;
  readonly stack: LineStack;
  readonly instanceId: string;
  readonly token: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** What people must know of: a stable code, and words without secrets. */
  readonly onNotice: (code: string, message: string) => void;
  /** A peer of the line is by this way. */
  readonly onPeer: (flow: Flow) => void;
}

/** As people see it. */
export interface LineStatus {
  readonly line: string;
  readonly description: string;
  /** `sip:proxy;transport=tls`. */
  readonly peer: string;
  readonly state: LineCondition['state'];
  readonly reason: string;
  /** Milliseconds since the Unix epoch. */
  readonly sinceMs: number;
  readonly incoming: number;
  readonly outgoing: number;
  readonly channels: number;
  /** Of the registrar, else of the peer; empty before there was one. */
  readonly lastAnswer: string;
  /** When the registration ends; undefined where there is none. */
  readonly registeredUntilMs: number | undefined;
}

/** How often the addresses of the hosts are looked up again. */
const SERVERS_MS = 60_000;
const MAX_SERVERS = 64;
/** A notice of one line at a time: one that comes and goes must not push all others out. */
const NOTICE_MS = 3_600_000;
const NO_WAY: RegisteredWay = { serviceRoute: [], associated: [] };

/** One line to a carrier or to another box. */
export class Line {
  readonly settings: LineSettings;
  readonly channels: Channels;
  readonly #options: LineOptions;
  readonly #registration: RegistrationClient | undefined;
  readonly #watch: PeerWatch | undefined;
  #servers: ReadonlySet<string> = new Set();
  #addresses: ReadonlySet<string> = new Set();
  #serversTimer: Timer | undefined;
  /** By `Clock.elapsed`; 0: it is not held. */
  #heldUntilMs = 0;
  #holdTimer: Timer | undefined;
  #condition: LineCondition;
  #sinceMs: number;
  /** When people were told last, by code and `Clock.elapsed`. */
  readonly #toldAtMs = new Map<string, number>();
  #stopped = false;

  constructor(options: LineOptions) {
    this.#options = options;
    this.settings = options.settings;
    this.channels = options.channels;
    const { settings, stack, clock, random } = options;
    const { enabled, registers, optionsSeconds, optionsWhenRegistered } = settings.configured;
    const isUsable = enabled && settings.lacks === undefined;
    const onChanged = (): void => this.#look();
    if (isUsable && registers) {
      this.#registration = new RegistrationClient({
        settings,
        stack,
        instanceId: options.instanceId,
        token: options.token,
        clock,
        random,
        onChanged,
        onRefused: (reason) => {
          const what = `line ${settings.number} cannot register with ${settings.registrar.uri}: ${reason}`;
          options.onNotice('LINE_REGISTRATION_REFUSED', `${what}. Check its user name and password`);
        },
      });
    }
    if (isUsable && optionsSeconds > 0 && (!registers || optionsWhenRegistered)) {
      this.#watch = new PeerWatch({
        settings,
        stack,
        clock,
        flow: () => this.#registration?.flow,
        onChanged,
        onHold: (seconds) => this.hold(seconds),
      });
    }
    this.#sinceMs = clock.now();
    this.#condition = this.#conditionNow();
  }

  get isInService(): boolean {
    return this.#conditionNow().state === 'in-service';
  }

  /** By which the peer was reached last; undefined where that is not known. */
  get flow(): Flow | undefined {
    return this.#registration?.flow ?? this.#watch?.flow;
  }

  get way(): RegisteredWay {
    return this.#registration?.way ?? NO_WAY;
  }

  get peer(): LinePeer {
    const { settings, token } = this.#options;
    return {
      line: settings.number,
      transport: settings.configured.transport,
      flow: this.flow,
      servers: this.#servers,
      addresses: this.#addresses,
      peers: settings.peers,
      certificateNames: settings.certificateNames,
      token: this.#registration === undefined ? undefined : token,
      user: settings.contactUser,
    };
  }

  get status(): LineStatus {
    const { settings } = this.#options;
    const { state, reason } = this.#conditionNow();
    const registration = this.#registration?.state;
    return {
      line: settings.number,
      description: settings.configured.description,
      peer: settings.target,
      state,
      reason,
      sinceMs: this.#sinceMs,
      incoming: this.channels.count('in'),
      outgoing: this.channels.count('out'),
      channels: settings.configured.channels,
      lastAnswer: this.#registration?.lastAnswer || (this.#watch?.state.lastAnswer ?? ''),
      registeredUntilMs: registration?.phase === 'registered' ? registration.untilMs : undefined,
    };
  }

  start(): void {
    this.#registration?.start();
    this.#watch?.start();
    const { enabled } = this.settings.configured;
    if (enabled && this.settings.lacks === undefined) void this.#locate();
  }

  /** Unregisters. Calls go on. Resolves when the registrar has answered, or does not in time. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#serversTimer?.cancel();
    this.#holdTimer?.cancel();
    this.#watch?.close();
    await this.#registration?.stop();
  }

  /** Ends at once, without a word to the registrar. Idempotent. */
  drop(): void {
    void this.stop();
    this.#registration?.drop();
  }

  /** No calls over it for so long. */
  hold(seconds: number): void {
    if (this.#stopped) return;
    const { clock } = this.#options;
    this.#heldUntilMs = Math.max(this.#heldUntilMs, clock.elapsed() + seconds * 1000);
    this.#holdTimer?.cancel();
    this.#holdTimer = clock.schedule(this.#heldUntilMs - clock.elapsed(), () => {
      // A timer may fire a moment early, and nobody might look again.
      this.#heldUntilMs = 0;
      this.#look();
    });
    this.#look();
  }

  /** A call failed in a way that makes one doubt whether the peer is there. */
  doubt(): void {
    this.#watch?.doubt();
    this.#registration?.doubt();
  }

  /** The carrier wants other credentials for a call. */
  tellRefused(status: number): void {
    const what = `line ${this.settings.number} refuses calls: ${status}`;
    this.#tell('LINE_CALL_REFUSED', `${what}. Check its user name and password`);
  }

  async #locate(): Promise<void> {
    const { stack, settings, clock } = this.#options;
    const targets = new Set([settings.target, settings.registrar.target]);
    const found = (await Promise.all([...targets].map((uri) => stack.addressesOf(uri)))).flat().slice(0, MAX_SERVERS);
    if (this.#stopped) return;
    // What a name server forgot for a moment is not forgotten here.
    if (found.length > 0) {
      this.#servers = new Set(found.map(({ address, port }) => `${address} ${port}`));
      this.#addresses = new Set(found.map(({ address }) => address));
    }
    this.#tellPeers();
    this.#serversTimer = clock.schedule(SERVERS_MS, () => void this.#locate());
  }

  #tellPeers(): void {
    const { onPeer } = this.#options;
    const { flow } = this;
    if (flow !== undefined) onPeer(flow);
    for (const server of this.#servers) {
      const [remoteAddress = '', port] = server.split(' ');
      onPeer({ protocol: 'udp', localAddress: '', localPort: 0, remoteAddress, remotePort: Number(port) });
    }
  }

  #conditionNow(): LineCondition {
    const { settings, clock } = this.#options;
    return lineCondition({
      isEnabled: settings.configured.enabled,
      lacks: settings.lacks,
      registration: this.#registration?.state,
      monitor: this.#watch?.state,
      heldUntilMs: this.#heldUntilMs,
      nowMs: clock.elapsed(),
    });
  }

  #look(): void {
    const { clock, logger, settings, onPeer } = this.#options;
    const before = this.#condition;
    const now = this.#conditionNow();
    this.#condition = now;
    const { flow } = this;
    if (flow !== undefined) onPeer(flow);
    if (now.state === before.state) return;
    this.#sinceMs = clock.now();
    if (this.#stopped) return;
    logger.info({ line: settings.number, state: now.state, reason: now.reason }, 'line');
    if (now.state !== 'out-of-service') return;
    this.#tell('LINE_OUT_OF_SERVICE', `line ${settings.number} to ${settings.target} is out of service: ${now.reason}`);
  }

  #tell(code: string, message: string): void {
    const { clock, onNotice } = this.#options;
    const told = this.#toldAtMs.get(code);
    if (told !== undefined && clock.elapsed() - told < NOTICE_MS) return;
    this.#toldAtMs.set(code, clock.elapsed());
    onNotice(code, message);
  }
}

/**
 * The one door to the media worker: sessions that outlive a worker, and what is made of them. The processes themselves are
 * worker-pair.ts's, requests on their way are requests.ts's, the messages are in protocol.ts.
 */
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import type { Clock } from '../core/clock.ts';
import { LiveMap } from '../core/live-map.ts';
import type { Logger } from '../core/logger.ts';
import { type ConferenceOptions, MediaConference } from './conference.ts';
import { Continuity } from './continuity.ts';
import { MediaError, meaningOfRefusal, PortBusyError } from './errors.ts';
import { Joins } from './joins.ts';
import type { LocalAddresses, MediaSession, PerLeg } from './media-session.ts';
import { Playbacks } from './playback.ts';
import { PortPool } from './port-pool.ts';
import type {
  Command,
  LegIndex,
  LegParameters,
  LegStatistics,
  LocalEndpoint,
  MediaEvent,
  OneOrTwo,
  Response,
  SendDigits,
  SessionStatistics,
} from './protocol.ts';
import { faultOfDigits, faultOfParameters } from './protocol-check.ts';
import { type Recording, type RecordingOptions, Recordings } from './recordings.ts';
import { Requests } from './requests.ts';
import { type Loss, WorkerPair } from './worker-pair.ts';
import { WorkerProcess } from './worker-process.ts';

export type { ConferenceOptions, ConferenceParty } from './conference.ts';
export { MediaConference } from './conference.ts';
export type { MediaErrorCode } from './errors.ts';
export { MediaError } from './errors.ts';
export type { LocalAddresses, MediaSession } from './media-session.ts';
export { MUSIC_ON_HOLD, numberSound, numberSounds, type PromptName, promptSound } from './prompts.ts';
export type {
  AudioCodec,
  Direction,
  DiscardStatistics,
  LegIndex,
  LegParameters,
  LegStatistics,
  MediaEvent,
} from './protocol.ts';
export type { Recording, RecordingOptions, RecordingResult } from './recordings.ts';
export type { Sound } from './sound.ts';
export { SRTP_SUITES, type SrtpParameters, type SrtpSuite } from './srtp.ts';
export { type ToneName, type TonePattern, toneOf } from './tones.ts';

export interface MediaClientOptions {
  /** Inclusive, 1024 to 65535. Each leg takes an even port and the odd one after it. */
  readonly ports: { readonly low: number; readonly high: number };
  readonly logger: Logger;
  readonly clock: Clock;
  /** Threads that move packets, 1 to MAX_THREADS. 0 or absent: one less than the machine has cores, and at least one. */
  readonly threads?: number;
  /** A folder of WAV files that go before the box's own sounds of the same names (prompts.ts), as NAME.wav or NAME.16.wav. */
  readonly sounds?: string;
  /** The program of the worker. Absent: that which belongs to this one, the bundle's or the source. */
  readonly workerEntry?: string;
}

/** ENGINE_MAX_LOOPS in native/session/engine.h. */
export const MAX_THREADS = 16;

export type MediaClientState = 'starting' | 'running' | 'restarting' | 'closed';

/** How long a key is pressed, and released before the next, where nothing else is said. */
const DEFAULT_PRESS_MS = 100;
interface LiveSession {
  readonly id: number;
  readonly ports: OneOrTwo<number>;
  readonly localAddresses: LocalAddresses;
  readonly listeners: ((event: MediaEvent) => void)[];
  readonly parameters: [LegParameters | undefined, LegParameters | undefined];
  readonly playbacks: Playbacks;
  /** Its ports were taken by somebody else during a restart, or the new worker does not answer for it. */
  lost: boolean;
}

export class MediaClient {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #pool: PortPool;
  readonly #workers: WorkerPair;
  readonly #continuity: Continuity;
  readonly #sessions = new LiveMap<number, LiveSession>();
  readonly #recordings = new Recordings((command) => this.#requests.request(command));
  readonly #requests: Requests;
  #state: MediaClientState = 'starting';
  /** Changes with each loss, so that what was begun with one worker is not ended with the next. */
  #generation = 0;
  #lastSessionId = 0;
  readonly #conferences = new Map<number, MediaConference>();
  #lastConferenceId = 0;
  readonly #joins = new Joins((command) => this.#requests.request(command));
  #threads: number;
  /** Sessions and conferences that are being opened. */
  #opening = 0;
  #closing: Promise<void> | undefined;
  #started: { resolve: () => void; reject: (error: MediaError) => void } | undefined;

  private constructor(options: MediaClientOptions) {
    this.#logger = options.logger;
    this.#clock = options.clock;
    this.#pool = new PortPool(options.ports.low, options.ports.high, options.clock);
    this.#threads = threadCount(options.threads);
    this.#continuity = new Continuity({
      clock: options.clock,
      take: (from) => this.#requests.request({ method: 'snapshot', from }),
      sessionCount: () => this.#sessions.size,
      isOpen: (session) => this.#sessions.has(session),
    });
    this.#requests = new Requests(
      options.clock,
      (request) => this.#workers.send(request),
      () => this.#replaceWorker(),
    );
    this.#workers = new WorkerPair({
      clock: options.clock,
      logger: options.logger,
      launch: (handlers) => new WorkerProcess(handlers, this.#threads, options.sounds, options.workerEntry),
      handlers: {
        ready: () => void this.#restore(),
        renewed: () => this.#replaceWorker(),
        response: (response) => this.#requests.answer(response),
        event: (event) => this.#take(event),
        lost: (loss) => this.#lost(loss),
        failed: (reason) => this.#failed(reason),
      },
    });
  }

  /** Starts the worker and waits for it. Throws MEDIA_PORT_RANGE, and MEDIA_START when it does not come up. */
  static async start(options: MediaClientOptions): Promise<MediaClient> {
    const client = new MediaClient(options);
    await new Promise<void>((resolve, reject) => {
      client.#started = { resolve, reject };
      client.#workers.start();
    });
    return client;
  }

  get state(): MediaClientState {
    return this.#state;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** New sessions take their ports, UDP, both ends included, from this range; those that run keep theirs. Throws MEDIA_PORT_RANGE. */
  usePorts({ low, high }: MediaClientOptions['ports']): void {
    this.#pool.use(low, high);
  }

  /**
   * So many threads from now on, as in the options. A worker keeps those that it has: the next one has the new number, and
   * takes over as soon as no session and no conference is open, so that no call notices.
   */
  useThreads(threads: number): void {
    const count = threadCount(threads);
    if (count === this.#threads || this.#state === 'closed') return;
    this.#threads = count;
    this.#logger.info({ threads: count }, 'another number of media threads: counts as soon as no call is up');
    this.#workers.renew();
  }

  #replaceWorker(): void {
    const isIdle = this.#requests.isIdle && this.#opening === 0 && this.#sessions.size === 0;
    if (this.#state !== 'running' || !isIdle || this.#conferences.size > 0 || !this.#workers.replaceActive()) return;
    this.#logger.info({ threads: this.#threads }, 'media worker replaced');
  }

  /** The process id of the worker, while there is one. */
  get workerPid(): number | undefined {
    return this.#workers.activePid;
  }

  /** The process id of the standby, while it is ready to take over. */
  get standbyPid(): number | undefined {
    return this.#workers.standbyPid;
  }

  /**
   * Opens RTP and RTCP ports on `localAddresses`, IPv4 or IPv6 literals of this machine, one for each leg.
   * Throws MEDIA_ADDRESS, MEDIA_NO_PORTS, MEDIA_WORKER_FAULT, and as every request MEDIA_TIMEOUT,
   * MEDIA_WORKER_LOST, MEDIA_BUSY, MEDIA_CLOSED.
   */
  async openSession<const Addresses extends LocalAddresses>(
    localAddresses: Addresses,
  ): Promise<MediaSession<Addresses>> {
    for (const address of localAddresses) {
      if (isIP(address) === 0) throw new MediaError('MEDIA_ADDRESS', `${JSON.stringify(address)} is no IP address`);
    }
    const session = await this.#whileOpening(() => this.#open(localAddresses));
    let closing: Promise<SessionStatistics | undefined> | undefined;
    // One port, and one set of statistics, for each address.
    return {
      id: session.id,
      ports: session.ports as PerLeg<Addresses, number>,
      onEvent: (listener) => {
        session.listeners.push(listener);
      },
      configure: (leg, parameters) => this.#configure(session, leg, parameters),
      join: (other) => this.#join(session, other.id),
      part: () => this.#part(session),
      statistics: async () => (await this.#statistics(session)) as PerLeg<Addresses, LegStatistics>,
      sendDigits: (leg, digits, { durationMs = DEFAULT_PRESS_MS, pauseMs = DEFAULT_PRESS_MS } = {}) =>
        this.#sendDigits(session, { leg, digits, durationMs, pauseMs }),
      record: (options) => this.#record(session, options),
      play: async (leg, sound, options) => {
        this.#assertOpen(session);
        return session.playbacks.play(leg, sound, options?.offsetMs ?? 0);
      },
      stopPlaying: async (leg, playback) => {
        this.#assertOpen(session);
        await session.playbacks.stop(leg, playback);
      },
      close: () => {
        closing ??= this.#closeSession(session);
        return closing as Promise<PerLeg<Addresses, LegStatistics> | undefined>;
      },
    };
  }

  /** Throws MEDIA_PARAMETERS, MEDIA_CONFERENCE_FULL, and what every request does. */
  async createConference(options: ConferenceOptions = {}): Promise<MediaConference> {
    const conference = new MediaConference(++this.#lastConferenceId, options, {
      request: (command) => this.#requests.request(command),
      joined: ({ session, leg }, joined) => {
        // It was closed while it joined: the worker has forgotten it as well.
        if (!this.#sessions.has(session)) joined.forget(session);
        for (const other of this.#conferences.values()) if (other !== joined) other.forget(session, leg);
      },
      closed: ({ id }) => this.#conferences.delete(id),
    });
    return this.#whileOpening(async () => {
      await this.#requests.request(conference.creation());
      this.#conferences.set(conference.id, conference);
      return conference;
    });
  }

  /** Ends every session and the worker. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.#state = 'closed';
    this.#requests.close();
    this.#continuity.close();
    this.#sessions.clear();
    this.#recordings.abandon();
    await this.#workers.close();
  }

  /** The worker is not replaced under what it just opened. */
  async #whileOpening<Opened>(open: () => Promise<Opened>): Promise<Opened> {
    this.#opening += 1;
    try {
      return await open();
    } finally {
      this.#opening -= 1;
      this.#replaceWorker();
    }
  }

  async #open(localAddresses: LocalAddresses): Promise<LiveSession> {
    const id = ++this.#lastSessionId;
    const session: LiveSession = {
      id,
      ports: await this.#bind(id, localAddresses),
      localAddresses,
      listeners: [],
      parameters: [undefined, undefined],
      playbacks: new Playbacks(id, this.#clock, (command) => this.#requests.request(command)),
      lost: false,
    };
    this.#sessions.set(id, session);
    this.#continuity.watch();
    return session;
  }

  async #bind(session: number, localAddresses: LocalAddresses): Promise<OneOrTwo<number>> {
    const busy: number[] = [];
    let ports: OneOrTwo<number> = localAddresses.length === 2 ? this.#pool.takePair() : [this.#pool.take()];
    try {
      for (;;) {
        try {
          await this.#requests.request({ method: 'openSession', session, legs: endpointsOf(localAddresses, ports) });
          return ports;
        } catch (error) {
          if (!(error instanceof PortBusyError)) throw error;
          // The busy one stays out of the pool for this attempt, so that each port is tried once.
          const [first, second] = ports;
          const taken = error.leg === 1 && second !== undefined ? second : first;
          busy.push(taken);
          const kept = taken === first ? second : first;
          if (kept === undefined) {
            ports = [this.#pool.take()];
          } else {
            ports = [kept, kept];
            const next = this.#pool.take();
            ports = taken === first ? [next, kept] : [kept, next];
          }
        }
      }
    } catch (error) {
      this.#pool.giveBack(...new Set(ports));
      throw error;
    } finally {
      this.#pool.giveBack(...busy);
    }
  }

  async #configure(session: LiveSession, leg: LegIndex, parameters: LegParameters): Promise<void> {
    const fault = faultOfParameters(parameters);
    if (fault !== undefined) throw new MediaError('MEDIA_PARAMETERS', fault);
    this.#assertOpen(session);
    await this.#requests.request({ method: 'configureLeg', session: session.id, leg, parameters });
    session.parameters[leg] = parameters;
  }

  async #join(session: LiveSession, peer: number): Promise<void> {
    const other = this.#sessions.get(peer);
    if (other === undefined && this.#state !== 'closed') {
      throw new MediaError('MEDIA_UNKNOWN_SESSION', `media session ${peer} is closed`);
    }
    for (const one of [session, other ?? session]) this.#assertOneLeg(one);
    if (session === other) throw new MediaError('MEDIA_PARAMETERS', 'a media session is joined with itself');
    await this.#joins.join(session.id, peer);
  }

  async #part(session: LiveSession): Promise<void> {
    this.#assertOneLeg(session);
    await this.#joins.part(session.id);
  }

  #assertOneLeg(session: LiveSession): void {
    this.#assertOpen(session);
    if (session.ports.length !== 1)
      throw new MediaError('MEDIA_PARAMETERS', 'a session of two legs is joined and parted');
  }

  #take(event: MediaEvent): void {
    if (event.kind === 'activeSpeaker') {
      this.#conferences.get(event.conference)?.noteEvent(event);
      return;
    }
    if (event.kind === 'recordingEnded') this.#recordings.ended(event);
    const session = this.#sessions.get(event.session);
    session?.playbacks.noteEvent(event);
    if (session !== undefined) tell(session, event);
  }

  async #sendDigits(session: LiveSession, keys: Omit<SendDigits, 'method' | 'session'>): Promise<void> {
    const fault = faultOfDigits(keys.digits, keys.durationMs, keys.pauseMs);
    if (fault !== undefined) throw new MediaError('MEDIA_PARAMETERS', fault);
    this.#assertOpen(session);
    await this.#requests.request({ method: 'sendDigits', session: session.id, ...keys });
  }

  async #record(session: LiveSession, options: RecordingOptions): Promise<Recording> {
    this.#assertOpen(session);
    const peer = this.#sessions.get(this.#joins.peerOf(session.id) ?? 0);
    return this.#recordings.start(session.id, options, [...session.parameters, ...(peer?.parameters ?? [])]);
  }

  async #statistics(session: LiveSession): Promise<SessionStatistics> {
    this.#assertOpen(session);
    const result = await this.#requests.request({ method: 'statistics', session: session.id });
    if (result === null || 'places' in result)
      throw new MediaError('MEDIA_WORKER_FAULT', 'statistics without a result');
    return result;
  }

  async #closeSession(session: LiveSession): Promise<SessionStatistics | undefined> {
    if (!this.#sessions.delete(session.id)) return undefined;
    this.#recordings.sessionClosed(session.id);
    this.#joins.forget(session.id);
    this.#continuity.forget(session.id);
    for (const conference of this.#conferences.values()) conference.forget(session.id);
    try {
      const last = await this.#requests.request({ method: 'closeSession', session: session.id });
      return last === null || 'places' in last ? undefined : last;
    } catch (error) {
      if (this.#state !== 'closed') this.#logger.warn({ err: error, session: session.id }, 'media session not closed');
      return undefined;
    } finally {
      this.#pool.giveBack(...session.ports);
    }
  }

  #assertOpen(session: LiveSession): void {
    if (this.#state !== 'closed' && (session.lost || !this.#sessions.has(session.id))) {
      throw new MediaError('MEDIA_UNKNOWN_SESSION', `media session ${session.id} is closed`);
    }
  }

  /** Re-opens every session on the new worker, then lets the waiting requests go. */
  async #restore(): Promise<void> {
    const generation = this.#generation;
    const sessions = [...this.#sessions.values()].filter((session) => !session.lost);
    // Each is sent at once, and the worker keeps to the order.
    const opened = sessions.map((session) => this.#reopen(session));
    const joined = this.#tellAgain(this.#joins.restoration());
    await Promise.all(sessions.map((session, index) => this.#revive(session, opened[index] ?? [])));
    await joined;
    await this.#tellAgain([...this.#conferences.values()].flatMap((conference) => conference.restoration()));
    if (generation !== this.#generation || this.#state === 'closed') return;
    if (this.#state === 'restarting') this.#logger.info({ sessions: sessions.length }, 'media worker is back');
    this.#state = 'running';
    this.#started?.resolve();
    this.#started = undefined;
    this.#requests.resume();
  }

  /** Who hears whom. What of it the worker refuses costs a line in the log: the sessions go on. */
  async #tellAgain(commands: readonly Command[]): Promise<void> {
    const responses = await Promise.all(commands.map((command) => this.#requests.exchange(command)));
    for (const [index, { method, ...what }] of commands.entries()) {
      const response = responses[index];
      if (response?.ok !== false) continue;
      this.#logger.warn({ ...what, reason: response.error.message }, meaningOfRefusal(method));
    }
  }

  /** With its parameters, before anybody is joined with it. */
  #reopen(session: LiveSession): readonly Promise<Response | undefined>[] {
    const legs = endpointsOf(session.localAddresses, session.ports);
    const resume = this.#continuity.resume(session.id);
    const open = { method: 'openSession', session: session.id, legs } as const;
    const commands: Command[] = [resume === undefined ? open : { ...open, resume }];
    for (const leg of [0, 1] as const) {
      const parameters = session.parameters[leg];
      if (parameters !== undefined) {
        commands.push({ method: 'configureLeg', session: session.id, leg, parameters });
      }
    }
    return commands.map((command) => this.#requests.exchange(command));
  }

  /** What is recorded and played. */
  async #revive(session: LiveSession, opened: readonly Promise<Response | undefined>[]): Promise<void> {
    const recordings = this.#recordings.restoring(session.id).map((command) => this.#requests.exchange(command));
    const replays = session.playbacks.replay().map(async (command) => {
      const response = await this.#requests.exchange(command);
      return response?.ok === false ? { command, reason: response.error.message } : undefined;
    });
    const responses = await Promise.all(opened);
    const failed = responses.find((response) => response !== undefined && !response.ok);
    for (const refused of await Promise.all(replays)) {
      // A sound that is gone costs a line in the log, not the call.
      if (refused === undefined || failed !== undefined) continue;
      this.#logger.warn({ session: session.id, reason: refused.reason }, 'sound not played on');
      // Whoever waits for its end would wait for ever.
      const { leg, playback } = refused.command;
      this.#take({ kind: 'playbackEnded', session: session.id, leg, playback });
    }
    // Without its recording a call is still a call.
    if ((await Promise.all(recordings)).some((response) => response?.ok === false))
      this.#recordings.abandon(session.id);
    if (failed === undefined || failed.ok || !this.#sessions.has(session.id)) return;
    session.lost = true;
    this.#recordings.abandon(session.id);
    const reason = failed.error.message;
    this.#logger.error({ session: session.id, reason }, 'media session lost in a restart');
    tell(session, { kind: 'lost', session: session.id, reason });
  }

  #failed(reason: string): void {
    this.#state = 'closed';
    this.#requests.close();
    this.#started?.reject(new MediaError('MEDIA_START', `the media worker did not start (${reason})`));
  }

  #lost({ reason, successor, delayMs }: Loss): void {
    this.#generation += 1;
    this.#state = 'restarting';
    this.#requests.workerLost();
    this.#recordings.workerLost();
    const sessions = this.#sessions.size;
    this.#logger.error({ reason, successor, delayMs, sessions }, 'media worker lost, replacing it');
  }
}

function threadCount(wanted = 0): number {
  return wanted === 0 ? Math.min(MAX_THREADS, Math.max(1, availableParallelism() - 1)) : wanted;
}

function tell(session: LiveSession, event: MediaEvent): void {
  for (const listener of session.listeners) listener(event);
}

function endpointsOf(addresses: LocalAddresses, ports: OneOrTwo<number>): OneOrTwo<LocalEndpoint> {
  const first = { address: addresses[0], port: ports[0] };
  const [, address] = addresses;
  const [, port] = ports;
  return address === undefined || port === undefined ? [first] : [first, { address, port }];
}

/** A box without sockets: a media worker that writes down what it is told, peers that say what a test has them say. */
import { Call } from '../../firmware/call/call.ts';
import type { CallOptions } from '../../firmware/call/call-options.ts';
import type { CallEvent } from '../../firmware/call/history/call-event.ts';
import { IncomingLeg } from '../../firmware/call/leg/incoming-leg.ts';
import type { LegServices } from '../../firmware/call/leg/leg.ts';
import type { LegParty } from '../../firmware/call/leg/leg-party.ts';
import type { MediaSettings } from '../../firmware/call/leg/media-settings.ts';
import { NO_LINES, type OutsideLines } from '../../firmware/call/outside.ts';
import type { RingStep, RingTarget, Step } from '../../firmware/call/routing/plan.ts';
import { LineRunner } from '../../firmware/call/step/line-step.ts';
import { RingRunner } from '../../firmware/call/step/ring-step.ts';
import { type StepRun, StepRunners } from '../../firmware/call/step/step-runner.ts';
import { createLogger, SourceLog } from '../../firmware/core/logger.ts';
import {
  type ConferenceOptions,
  type LegParameters,
  type MediaClient,
  MediaError,
  type MediaEvent,
  type Recording,
  type RecordingOptions,
  type RecordingResult,
  type Sound,
} from '../../firmware/media/client.ts';
import type { Binding } from '../../firmware/registrar/binding.ts';
import {
  type Flow,
  type HeaderField,
  Headers,
  type IncomingInvite,
  type IncomingInviteHandlers,
  type InviteOptions,
  type LocalContact,
  type OutgoingInvite,
  type OutgoingInviteHandlers,
  type RenegotiationResult,
  SipRequest,
  type SipResponse,
  type SipStack,
} from '../../firmware/sip/stack.ts';
import { FakeClock } from '../support/fake-clock.ts';

export const FLOW: Flow = {
  protocol: 'udp',
  localAddress: '192.0.2.1',
  localPort: 5060,
  remoteAddress: '192.0.2.2',
  remotePort: 5060,
};

export const SETTINGS: MediaSettings = {
  codecs: ['PCMA', 'PCMU', 'G729'],
  security: 'disabled',
  encryptSrtcp: false,
  dscp: 46,
};

/** A description of a peer with A-law. */
export function description(port: number, ...lines: readonly string[]): string {
  return [
    ...['v=0', 'o=- 1 1 IN IP4 192.0.2.2', 's=-', 'c=IN IP4 192.0.2.2', 't=0 0'],
    ...[`m=audio ${port} RTP/AVP 8`, ...lines, ''],
  ].join('\r\n');
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** As many turns as any chain of promises here needs. */
export async function settle(): Promise<void> {
  for (let count = 0; count < 12; count += 1) await turn();
}

export function binding(contact: string, flow: Flow = FLOW, more: Partial<Binding> = {}): Binding {
  return { contact, callId: 'r', cSeq: 1, expiresAtMs: 1, flow, ...more };
}

export function bye(reason?: string): SipRequest {
  return new SipRequest('BYE', 'sip:box', reason === undefined ? [] : [['Reason', reason]]);
}

/** One that runs for 5 s, whatever the clock says. */
export class FakeRecording implements Recording {
  readonly id = 1;
  readonly options: RecordingOptions;
  isEnded = false;

  constructor(options: RecordingOptions) {
    this.options = options;
  }

  async pause(): Promise<void> {}

  async resume(): Promise<void> {}

  async stop(): Promise<void> {
    this.end('stopped');
  }

  end(reason: RecordingResult['reason'], durationMs = 5000): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.options.onEnded({ reason, durationMs, sizeBytes: 80_044, error: '' });
  }
}

/** One session of the worker, and what it was told. */
export class FakeSession {
  readonly id: number;
  readonly ports: readonly [number];
  readonly configured: LegParameters[] = [];
  readonly listeners: ((event: MediaEvent) => void)[] = [];
  readonly recordings: FakeRecording[] = [];
  sound: Sound | undefined;
  peer: FakeSession | undefined;
  closed = false;
  readonly #media: FakeMedia;

  constructor(id: number, media: FakeMedia) {
    this.id = id;
    this.ports = [4000 + 2 * (id - 1)];
    this.#media = media;
  }

  async configure(_leg: number, parameters: LegParameters): Promise<void> {
    this.configured.push(parameters);
    await this.#media.work();
  }

  async join(other: FakeSession): Promise<void> {
    await this.part();
    await other.part();
    this.peer = other;
    other.peer = this;
  }

  async part(): Promise<void> {
    if (this.peer !== undefined) this.peer.peer = undefined;
    this.peer = undefined;
  }

  onEvent(listener: (event: MediaEvent) => void): void {
    this.listeners.push(listener);
  }

  tell(event: { readonly kind: string } & Readonly<Record<string, unknown>>): void {
    for (const listener of this.listeners) listener({ session: this.id, leg: 0, ...event } as MediaEvent);
  }

  async play(_leg: number, sound: Sound): Promise<number> {
    this.sound = sound;
    return 1;
  }

  async stopPlaying(): Promise<void> {
    this.sound = undefined;
  }

  async sendDigits(_leg: number, digits: string): Promise<void> {
    this.#media.pressed.push(`${digits} on ${this.id}`);
  }

  async record(options: RecordingOptions): Promise<Recording> {
    const recording = new FakeRecording(options);
    this.recordings.push(recording);
    return recording;
  }

  async close(): Promise<void> {
    await this.part();
    this.closed = true;
    for (const recording of this.recordings) recording.end('session-closed');
  }

  /** What the party hears. */
  get hears(): string {
    const { sound } = this;
    if (sound !== undefined) return sound.kind === 'files' ? sound.names.join(' ') : sound.kind;
    return this.peer === undefined ? 'nothing' : `session ${this.peer.id}`;
  }
}

/** Who is in it, by session. */
export class FakeConference {
  readonly parties = new Set<number>();
  readonly muted = new Set<number>();
  closed = false;
  readonly #limit: number;
  readonly #options: ConferenceOptions;

  constructor(limit: number, options: ConferenceOptions = {}) {
    this.#limit = limit;
    this.#options = options;
  }

  /** Who is the loudest. */
  tellSpeaker(session: number | undefined): void {
    this.#options.onActiveSpeaker?.(session === undefined ? undefined : { session, leg: 0 });
  }

  async join({ session }: { readonly session: number }): Promise<void> {
    if (this.parties.size >= this.#limit) throw new MediaError('MEDIA_CONFERENCE_FULL', 'it is full');
    this.parties.add(session);
  }

  async leave({ session }: { readonly session: number }): Promise<void> {
    this.parties.delete(session);
    this.muted.delete(session);
  }

  async setParty({ session }: { readonly session: number }, { muted }: { readonly muted: boolean }): Promise<void> {
    if (muted) this.muted.add(session);
    else this.muted.delete(session);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

export class FakeMedia {
  readonly conferences: FakeConference[] = [];
  conferenceLimit = 64;
  readonly sessions: FakeSession[] = [];
  readonly pressed: string[] = [];
  /** Set: what is configured waits until it is called, with an error or without. */
  readonly waiting: ((error?: Error) => void)[] = [];
  isSlow = false;
  /** What opening a session is refused with. */
  refusal: Error | undefined;

  get client(): MediaClient {
    return {
      openSession: async () => {
        if (this.refusal !== undefined) throw this.refusal;
        const session = new FakeSession(this.sessions.length + 1, this);
        this.sessions.push(session);
        return session;
      },
      createConference: async (options: ConferenceOptions) => {
        const conference = new FakeConference(this.conferenceLimit, options);
        this.conferences.push(conference);
        return conference;
      },
    } as unknown as MediaClient;
  }

  async work(): Promise<void> {
    if (!this.isSlow) return;
    await new Promise<void>((resolve, reject) => {
      this.waiting.push((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /** Lets the worker do all that it was asked. */
  async finish(): Promise<void> {
    await settle();
    while (this.waiting.length > 0) {
      this.waiting.shift()?.();
      await settle();
    }
  }

  /** Those that are open. */
  get open(): readonly FakeSession[] {
    return this.sessions.filter(({ closed }) => !closed);
  }
}

let callIds = 0;

/** Somebody who called the box. */
export class FakeCaller {
  handlers: IncomingInviteHandlers = {};
  readonly message: { readonly maxForwards: number; readonly headers: Headers };
  readonly flow: Flow;
  readonly offer: string | undefined;
  readonly dialog = { callId: `caller ${++callIds}`, localTag: 'box', remoteTag: 'caller' };
  /** What it was told, in words. */
  readonly told: string[] = [];
  readonly accepted: string[] = [];
  readonly refusals: HeaderField[] = [];
  readonly shown: HeaderField[] = [];
  /** What came by re-INVITE. */
  readonly offers: string[] = [];
  contact: LocalContact | undefined;
  established = false;
  ended = false;
  replaces: object | undefined;

  constructor({
    flow = FLOW,
    headers = [],
    offer = description(9000),
  }: { readonly flow?: Flow; readonly headers?: readonly HeaderField[]; readonly offer?: string | 'none' } = {}) {
    this.message = { maxForwards: 70, headers: new Headers(headers) };
    this.flow = flow;
    this.offer = offer === 'none' ? undefined : offer;
  }

  get invite(): IncomingInvite {
    return this as unknown as IncomingInvite;
  }

  provisional(status: number, { sdp }: { readonly sdp?: string } = {}): void {
    this.told.push(sdp === undefined ? `${status}` : `${status} ${/m=.*/.exec(sdp)?.[0]}`);
  }

  accept({ sdp, headers = [] }: { readonly sdp: string; readonly headers?: readonly HeaderField[] }): boolean {
    if (this.ended || this.established) return false;
    this.established = true;
    this.accepted.push(sdp);
    this.shown.push(...headers);
    this.told.push('200');
    return true;
  }

  reject(status: number, { headers = [] }: { readonly headers?: readonly HeaderField[] } = {}): void {
    if (this.ended || this.established) return;
    this.ended = true;
    this.told.push(`${status}`);
    this.refusals.push(...headers);
    this.handlers.onEnded?.('rejected');
  }

  async bye(reason?: string): Promise<void> {
    if (this.ended) return;
    if (!this.established) {
      this.reject(480);
      return;
    }
    this.ended = true;
    this.told.push(`BYE ${reason ?? ''}`.trim());
    this.handlers.onEnded?.('bye-sent');
  }

  /** What the peer does. */
  acknowledges(sdp?: string): void {
    this.handlers.onAck?.(sdp);
  }

  hangsUp(reason?: string): void {
    // The 487 is out already; a BYE of ours could cross this one.
    this.ended = !this.established;
    if (this.established) this.handlers.onBye?.(bye(reason));
    else this.handlers.onCancel?.(reason);
    this.ended = true;
    this.handlers.onEnded?.(this.established ? 'bye-received' : 'cancelled');
  }

  /** What it says to a re-INVITE. */
  reinvited: () => Promise<RenegotiationResult> = async () => ({ status: 488, sdp: undefined });

  /** What came by UPDATE, of whom it talks to. */
  readonly talksTo: string[] = [];

  async update(_sdp?: string, headers: readonly HeaderField[] = []): Promise<RenegotiationResult> {
    const identity = headers.find(([name]) => name === 'P-Asserted-Identity')?.[1];
    if (identity !== undefined) this.talksTo.push(identity);
    return { status: 405, sdp: undefined };
  }

  async reinvite(sdp: string): Promise<RenegotiationResult> {
    this.offers.push(sdp);
    return this.reinvited();
  }
}

function responseOf(status: number, headers: readonly HeaderField[] = []): SipResponse {
  return { status, headers: new Headers(headers) } as unknown as SipResponse;
}

/** Somebody whom the box calls. */
export class FakeDevice {
  readonly options: InviteOptions;
  readonly dialog = { callId: `device ${++callIds}`, localTag: 'box', remoteTag: 'device' };
  readonly told: string[] = [];
  /** What came by re-INVITE. */
  readonly offers: string[] = [];
  handlers: OutgoingInviteHandlers;
  contact: LocalContact | undefined;
  established = false;
  ended = false;

  constructor(options: InviteOptions) {
    this.options = options;
    this.handlers = options.handlers;
  }

  header(name: string): string | undefined {
    return this.options.headers?.find(([known]) => known === name)?.[1];
  }

  rings(): void {
    this.handlers.onProvisional?.(180, undefined, responseOf(180));
  }

  sendsEarly(sdp: string): void {
    this.handlers.onProvisional?.(183, sdp, responseOf(183));
  }

  answers(sdp: string = description(9100), headers: readonly HeaderField[] = []): void {
    this.established = true;
    this.handlers.onAnswered?.(sdp, responseOf(200, headers));
  }

  refuses(status: number): void {
    if (this.ended) return;
    this.handlers.onRejected?.(status, '', undefined);
    this.#end('rejected');
  }

  hangsUp(reason?: string): void {
    this.handlers.onBye?.(bye(reason));
    this.#end('bye-received');
  }

  /** It does not answer any more. */
  vanishes(): void {
    this.#end('vanished');
  }

  async bye(reason?: string): Promise<void> {
    if (this.ended) return;
    this.told.push(`BYE ${reason ?? ''}`.trim());
    this.#end('bye-sent');
  }

  cancel(reason?: string): void {
    if (!this.ended) this.told.push(`CANCEL ${reason ?? ''}`.trim());
  }

  /** What it says to a re-INVITE. */
  reinvited: () => Promise<RenegotiationResult> = async () => ({ status: 488, sdp: undefined });

  /** What came by UPDATE, of whom it talks to. */
  readonly talksTo: string[] = [];

  async update(_sdp?: string, headers: readonly HeaderField[] = []): Promise<RenegotiationResult> {
    const identity = headers.find(([name]) => name === 'P-Asserted-Identity')?.[1];
    if (identity !== undefined) this.talksTo.push(identity);
    return { status: 405, sdp: undefined };
  }

  async reinvite(sdp: string): Promise<RenegotiationResult> {
    this.offers.push(sdp);
    return this.reinvited();
  }

  #end(cause: 'rejected' | 'bye-received' | 'bye-sent' | 'vanished'): void {
    if (this.ended) return;
    this.ended = true;
    this.handlers.onEnded?.(cause);
  }
}

export interface FakeTarget {
  readonly extension?: string;
  readonly ways?: readonly [Binding, ...Binding[]];
  readonly delaySeconds?: number;
}

/** What calls need, all of it false, and the calls that a test begins. */
export class FakeBox {
  readonly clock = new FakeClock();
  readonly media = new FakeMedia();
  readonly lines: string[] = [];
  readonly devices: FakeDevice[] = [];
  readonly events: CallEvent[] = [];
  readonly runners = new StepRunners();
  readonly services: LegServices;
  readonly #targets = new Map<string, readonly [Binding, ...Binding[]]>();
  outside: OutsideLines = NO_LINES;
  silenceSeconds = 60;

  constructor() {
    const logger = createLogger('warn', { write: (line) => this.lines.push(line) });
    const stack = {
      advertisedAddress: (address: string) => address,
      isOpen: ({ remotePort }: Flow) => remotePort !== 1,
      invite: (options: InviteOptions) => {
        const device = new FakeDevice(options);
        this.devices.push(device);
        return device as unknown as OutgoingInvite;
      },
    };
    this.services = {
      stack: stack as unknown as SipStack,
      media: async () => this.media.client,
      clock: this.clock,
      logger,
      sourceLog: new SourceLog(logger, this.clock),
      silenceSeconds: () => this.silenceSeconds,
      locale: () => 'en-GB',
    };
    const lines: OutsideLines = {
      state: (line) => this.outside.state(line),
      receive: (invite, drop) => this.outside.receive(invite, drop),
      place: (call) => this.outside.place(call),
    };
    const common = { services: () => this.services, lines, clock: this.clock };
    this.runners.register(
      'ring',
      new RingRunner({
        ...common,
        device: (_extension, id) => {
          const ways = this.#targets.get(id);
          return ways === undefined ? undefined : { ways };
        },
        partyOf: (extension) => ({ number: extension, name: 'Workshop', extension, user: extension }),
        mediaSettings: () => SETTINGS,
        lineSettings: () => SETTINGS,
      }),
    );
    this.runners.register(
      'line',
      new LineRunner({ ...common, settings: () => SETTINGS, onEmergency: () => undefined }),
    );
  }

  /** A device that plans may name. */
  register(id: string, extension: string): void {
    this.#targets.set(id, [binding(`sip:${extension}@192.0.2.2`)]);
  }

  /** A step that rings these devices of 202. */
  ring(targets: readonly FakeTarget[] = [{}], more: Partial<RingStep> = {}): RingStep {
    return {
      kind: 'ring',
      party: { number: '202', name: 'Workshop' },
      targets: targets.map(({ extension = '202', ways, delaySeconds = 0 }): RingTarget => {
        const device = `device ${this.#targets.size}`;
        this.#targets.set(device, ways ?? [binding('sip:202@192.0.2.2')]);
        return { kind: 'device', extension, device, isWaiting: false, delaySeconds };
      }),
      noAnswerSeconds: 0,
      alert: 'internal',
      autoAnswer: false,
      declineStatus: 603,
      diversions: [],
      after: {},
      ...more,
    };
  }

  leg(caller: FakeCaller, party: Partial<LegParty> = {}): IncomingLeg {
    return new IncomingLeg({
      services: this.services,
      invite: caller.invite,
      party: { number: '201', name: 'Reception', user: '201', extension: '201', ...party },
      settings: SETTINGS,
    });
  }

  /** A call of 201 that runs this step. */
  async call(caller: FakeCaller, step: Step | StepRun = this.ring(), more: Partial<CallOptions> = {}): Promise<Call> {
    const waiting = more.waiting ?? this.leg(caller);
    if (waiting instanceof IncomingLeg && !waiting.isUp) {
      const refusal = waiting.readInvite();
      if (refusal !== undefined) throw new Error(refusal.why);
    }
    const call = new Call({
      waiting,
      caller: { kind: 'user', user: '201', extension: '201' },
      shown: { number: '201', name: 'Reception', isWithheld: false },
      dialled: '202',
      direction: 'internal',
      maxForwards: 69,
      runners: this.runners,
      mayBeDirect: () => false,
      emit: (event) => this.events.push(event),
      clock: this.clock,
      logger: this.services.logger,
      onEnded: () => undefined,
      ...more,
    });
    call.start(step);
    await settle();
    return call;
  }

  /** Two in conversation. */
  async conversation(caller = new FakeCaller(), more: Partial<CallOptions> = {}) {
    const call = await this.call(caller, this.ring(), more);
    const device = this.devices.at(-1);
    if (device === undefined) throw new Error('nobody was called');
    device.answers();
    await this.media.finish();
    caller.acknowledges();
    await settle();
    return { call, caller, device };
  }

  /** What is told of the calls, in words. */
  get history(): readonly string[] {
    return this.events.map((event) => {
      const what = 'cause' in event ? ` ${event.cause}` : '';
      const by = event.kind === 'ended' ? ` by ${event.by}` : '';
      const leg = 'leg' in event && typeof event.leg === 'number' ? ` ${event.leg}` : '';
      return `${event.kind}${leg}${what}${by}`;
    });
  }
}

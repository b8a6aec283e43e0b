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
import type { Binding } from '../../firmware/registrar/binding.ts';
import type { Flow, InviteOptions, OutgoingInvite, SipStack } from '../../firmware/sip/stack.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeMedia } from './fake-media.ts';
import { FakeCaller, FakeDevice, FLOW } from './fake-peers.ts';
import { settle } from './settle.ts';

export { FakeConference, FakeMedia, FakeRecording, FakeSession } from './fake-media.ts';
export { bye, description, FakeCaller, FakeDevice, FLOW, responseOf } from './fake-peers.ts';
export { settle, turn } from './settle.ts';

export const SETTINGS: MediaSettings = {
  codecs: ['PCMA', 'PCMU', 'G729'],
  security: 'disabled',
  encryptSrtcp: false,
  dscp: 46,
};

export function binding(contact: string, flow: Flow = FLOW, more: Partial<Binding> = {}): Binding {
  return { contact, callId: 'r', cSeq: 1, expiresAtMs: 1, flow, ...more };
}

export interface FakeTarget {
  readonly extension?: string;
  readonly ways?: readonly [Binding, ...Binding[]];
  readonly delaySeconds?: number;
  readonly onlyRings?: true;
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
      targets: targets.map(({ extension = '202', ways, delaySeconds = 0, ...more }): RingTarget => {
        const device = `device ${this.#targets.size}`;
        this.#targets.set(device, ways ?? [binding('sip:202@192.0.2.2')]);
        return { kind: 'device', extension, device, isWaiting: false, delaySeconds, ...more };
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

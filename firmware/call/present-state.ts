import type { Clock } from '../core/clock.ts';
import { deviceKey } from '../registrar/binding.ts';
import { deviceOf } from '../registrar/device-class.ts';
import type { LocationService } from '../registrar/location.ts';
import { type ReachableDevice, reachableDevices } from '../registrar/reachable-devices.ts';
import type { Flow } from '../sip/stack.ts';
import type { Call } from './call.ts';
import type { Leg } from './leg/leg.ts';
import type { OutsideLines } from './outside.ts';
import type { DeviceState, EmergencyCall, LineState, RoutingState } from './routing/plan.ts';

export interface PresentStateOptions {
  readonly location: LocationService;
  readonly lines: OutsideLines;
  readonly calls: () => readonly Call[];
  readonly isOpen: (flow: Flow) => boolean;
  readonly clock: Clock;
}

/** More emergency calls of a small office at once is a drill. */
const MAX_CALL_BACKS = 32;

/** What routing looks at, read from what runs. */
export class PresentState implements RoutingState {
  readonly #options: PresentStateOptions;
  /** By the number that the emergency call carried; until when, by `Clock.elapsed`. */
  readonly #callBacks = new Map<string, { readonly extension: string; readonly untilMs: number }>();
  /** Set by groups. */
  waitingIn: (huntGroup: string) => number = () => 0;

  /** Set by those who direct telephones. */
  otherPhoneOf: (user: string) => string | undefined = () => undefined;

  constructor(options: PresentStateOptions) {
    this.#options = options;
  }

  devicesOf(extension: string): readonly DeviceState[] {
    return this.#devicesOf(extension, (device) => this.#callsOf(extension, device));
  }

  /** The same at this moment, for who asks of many extensions at once: the calls are counted once. Not to be kept. */
  atOnce(): RoutingState {
    let counts: ReadonlyMap<string, number> | undefined;
    return {
      devicesOf: (extension) =>
        this.#devicesOf(extension, (device) => {
          counts ??= this.#countCalls();
          return counts.get(`${extension} ${device}`) ?? 0;
        }),
      lineState: (line) => this.lineState(line),
      waitingIn: (huntGroup) => this.waitingIn(huntGroup),
      otherPhoneOf: (user) => this.otherPhoneOf(user),
      emergencyCallBack: (isCalled) => this.emergencyCallBack(isCalled),
    };
  }

  lineState(line: string): LineState {
    return this.#options.lines.state(line);
  }

  emergencyCallBack(isCalled: (shownNumber: string) => boolean): string | undefined {
    const now = this.#options.clock.elapsed();
    // The newest first: of two calls that showed the same place the last one is what help asks about.
    for (const [shown, { extension, untilMs }] of [...this.#callBacks].reverse()) {
      if (untilMs > now && isCalled(shown)) return extension;
    }
    return undefined;
  }

  /** Help that was called with this number shown may call back. */
  noteEmergency(shownNumber: string, { extension, callBackSeconds }: EmergencyCall): void {
    this.#callBacks.delete(shownNumber);
    const [oldest] = this.#callBacks.keys();
    if (this.#callBacks.size >= MAX_CALL_BACKS && oldest !== undefined) this.#callBacks.delete(oldest);
    this.#callBacks.set(shownNumber, { extension, untilMs: this.#options.clock.elapsed() + callBackSeconds * 1000 });
  }

  /** A device by its `DeviceState.id`. */
  device(extension: string, id: string): ReachableDevice | undefined {
    return this.#reachable(extension).find(({ ways: [binding] }) => deviceKey(binding) === id);
  }

  /** The device of an extension that is at the other end of a flow. */
  deviceAt(extension: string, flow: Flow): string | undefined {
    const binding = this.#options.location.lookup(extension).find((each) => isSameWay(each.flow, flow));
    return binding === undefined ? undefined : deviceKey(binding);
  }

  #devicesOf(extension: string, callsOf: (device: string) => number): readonly DeviceState[] {
    return this.#reachable(extension).map(({ ways: [binding] }) => ({
      id: deviceKey(binding),
      deviceClass: deviceOf({ ...binding, protocol: binding.flow.protocol }).deviceClass,
      calls: callsOf(deviceKey(binding)),
    }));
  }

  #reachable(extension: string): readonly ReachableDevice[] {
    const { location, isOpen } = this.#options;
    return reachableDevices(location.lookup(extension).filter(({ flow }) => isOpen(flow)));
  }

  #callsOf(extension: string, device: string): number {
    let count = 0;
    for (const { party } of this.#talking()) {
      if (party.extension === extension && party.device === device) count += 1;
    }
    return count;
  }

  /** By extension and device. */
  #countCalls(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { party } of this.#talking()) {
      const key = `${party.extension} ${party.device}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    return counts;
  }

  /** Who is in a call, or waits in one. */
  *#talking(): Generator<Leg> {
    for (const { waiting, other } of this.#options.calls()) {
      if (!waiting.isEnded) yield waiting;
      if (other?.isEnded === false) yield other;
    }
  }
}

function isSameWay(a: Flow, b: Flow): boolean {
  return a.protocol === b.protocol && a.remoteAddress === b.remoteAddress && a.remotePort === b.remotePort;
}

/** Hunt group 300 of a box without sockets, with the users 202 to 205, each with a device of his number. */
import type { Call } from '../../../../firmware/call/call.ts';
import type { CallOptions } from '../../../../firmware/call/call-options.ts';
import { Groups } from '../../../../firmware/call/group/groups.ts';
import type { HuntStep, RoutingState, Step } from '../../../../firmware/call/routing/plan.ts';
import { routeToMember } from '../../../../firmware/call/routing/route.ts';
import type { Configuration } from '../../../../firmware/config/schema/configuration.ts';
import type { Sound } from '../../../../firmware/media/client.ts';
import { FakeBox, FakeCaller, type FakeDevice, settle } from '../../fakes.ts';
import { configurationOf } from '../../routing/support/office.ts';

const NUMBERS = ['201', '202', '203', '204', '205'] as const;

export interface Waiting {
  readonly caller: FakeCaller;
  readonly call: Call;
}

export class GroupOffice {
  readonly box = new FakeBox();
  readonly registered = new Set<string>(NUMBERS);
  readonly calls = new Set<Call>();
  readonly groups: Groups;
  configuration: Configuration;
  /** How often a member was planned for. */
  planned = 0;

  constructor(group: object = {}, users: Readonly<Record<string, object>> = {}, locale = 'en-GB') {
    this.configuration = configured(group, users, locale);
    const state: RoutingState = {
      devicesOf: (extension) =>
        this.registered.has(extension)
          ? [{ id: `device of ${extension}`, deviceClass: 'desk', calls: this.#callsOf(extension) }]
          : [],
      lineState: () => ({ isInService: true, channelsInUse: 0, hasCallToDrop: false }),
      waitingIn: (number) => this.groups.waitingIn(number),
      otherPhoneOf: () => undefined,
      emergencyCallBack: () => undefined,
    };
    const { box } = this;
    for (const number of NUMBERS) box.register(`device of ${number}`, number);
    this.groups = new Groups({
      configuration: () => this.configuration,
      state: () => state,
      routeToMember: (...question) => {
        this.planned += 1;
        return routeToMember(...question);
      },
      runners: box.runners,
      legs: () => [...this.calls].flatMap(({ legs }) => [...legs]),
      clock: box.clock,
    });
    box.runners.register('hunt', this.groups);
  }

  /** Another configuration, at once. */
  async configure(group: object, users: Readonly<Record<string, object>> = {}): Promise<void> {
    this.configuration = configured(group, users);
    this.groups.look();
    await settle();
  }

  async look(): Promise<void> {
    this.groups.look();
    await settle();
  }

  /** Somebody outside calls the group. */
  async call(after: HuntStep['after'] = {}, more: Partial<CallOptions> = {}): Promise<Waiting> {
    const step: HuntStep = { kind: 'hunt', group: '300', alert: 'external', diversions: [], after };
    return this.run(step, more);
  }

  async run(step: Step, more: Partial<CallOptions> = {}): Promise<Waiting> {
    const caller = new FakeCaller();
    const waiting = this.box.leg(caller);
    if (more.caller === undefined) waiting.party = { number: '02071234567', name: 'A customer', line: '1' };
    let isOver = false;
    const call: Call = await this.box.call(caller, step, {
      waiting,
      caller: { kind: 'line', line: '1', callerNumber: '02071234567' },
      ...more,
      onEnded: () => {
        isOver = true;
        for (const each of this.calls) if (each.phase === 'ended') this.calls.delete(each);
      },
    });
    if (!isOver) this.calls.add(call);
    await settle();
    return { caller, call };
  }

  /** A conversation that has nothing to do with the group. */
  async converse(extension: string): Promise<FakeDevice> {
    const step = this.box.ring([{ extension }]);
    await this.run(step);
    const device = this.device(extension);
    await this.answer(extension);
    return device;
  }

  /** Whose devices ring, in the order in which they began. */
  get ringing(): string {
    return this.#ringing.map(numberOf).join(' ');
  }

  /** The device of an extension that rings. */
  device(extension: string): FakeDevice {
    const device = this.#ringing.findLast((each) => numberOf(each) === extension);
    if (device === undefined) throw new Error(`${extension} does not ring: ${this.ringing}`);
    return device;
  }

  async rings(extension: string): Promise<void> {
    this.device(extension).rings();
    await settle();
  }

  async answer(extension: string): Promise<FakeDevice> {
    const device = this.device(extension);
    device.answers();
    await settle();
    await this.look();
    return device;
  }

  async refuse(extension: string, status = 486): Promise<void> {
    this.device(extension).refuses(status);
    await settle();
  }

  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      this.box.clock.advance(1000);
      await settle();
    }
  }

  /** What a caller hears who was answered. */
  async hears({ call }: Waiting): Promise<string> {
    const { id } = await call.waiting.media.session();
    return this.box.media.sessions.find((session) => session.id === id)?.hears ?? 'nothing';
  }

  /** The sound that he hears, the same one for as long as it is not begun anew. */
  async soundOf({ call }: Waiting): Promise<Sound | undefined> {
    const { id } = await call.waiting.media.session();
    return this.box.media.sessions.find((session) => session.id === id)?.sound;
  }

  /** What is announced to him has been said. */
  async heardOut({ call }: Waiting): Promise<void> {
    const { id } = await call.waiting.media.session();
    const session = this.box.media.sessions.find((each) => each.id === id);
    session?.tell({ kind: 'playbackEnded', playback: 1 });
    await settle();
  }

  get #ringing(): readonly FakeDevice[] {
    return this.box.devices.filter(
      ({ established, ended, told }) => !established && !ended && !told.some((line) => line.startsWith('CANCEL')),
    );
  }

  #callsOf(extension: string): number {
    let count = 0;
    for (const { waiting, other } of this.calls) {
      for (const leg of [waiting, other]) if (leg?.party.extension === extension && !leg.isEnded) count += 1;
    }
    return count;
  }
}

function configured(group: object, users: Readonly<Record<string, object>>, locale = 'en-GB'): Configuration {
  return configurationOf({
    system: { locale },
    users: Object.fromEntries(NUMBERS.map((number) => [number, { name: `User ${number}`, ...users[number] }])),
    extensions: Object.fromEntries(NUMBERS.map((number) => [number, { user: number }])),
    huntGroups: {
      300: {
        name: 'Sales',
        members: [{ user: '202' }, { user: '203' }, { user: '204' }],
        ...group,
      },
      301: { name: 'Overflow', members: [{ user: '205' }] },
    },
  });
}

function numberOf({ options }: FakeDevice): string {
  return /sip:(\d+)@/.exec(options.requestUri)?.[1] ?? '';
}

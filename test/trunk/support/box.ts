import { dialPlanOf } from '../../../firmware/call/routing/dial-plan.ts';
import { numberingOfLine, readNumber } from '../../../firmware/call/routing/numbering.ts';
import { complete } from '../../../firmware/config/schema/complete.ts';
import { type Configuration, configurationSchema } from '../../../firmware/config/schema/configuration.ts';
import { nodeOf } from '../../../firmware/config/schema/tree.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import type { Flow, IncomingInvite, SipStack, TransportProtocol } from '../../../firmware/sip/stack.ts';
import { Lines } from '../../../firmware/trunk/lines.ts';
import { openStack } from '../../sip/support/stacks.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { PASSWORD } from './carrier.ts';

/** The lines of a box over real sockets and a clock that stands still. */
export class Box {
  readonly stack: SipStack;
  readonly clock: FakeClock;
  readonly lines: Lines;
  readonly notices: string[] = [];
  readonly peers: Flow[] = [];
  readonly log: string[] = [];
  readonly invites: IncomingInvite[] = [];
  configuration: Configuration;

  private constructor(stack: SipStack, clock: FakeClock, configuration: object) {
    this.stack = stack;
    this.clock = clock;
    this.configuration = completed(configuration);
    this.lines = new Lines({
      configuration: () => this.configuration,
      stack: () => stack,
      openSecret: (_path, sealed) => (sealed === 'sealed$right' ? PASSWORD : 'another one'),
      key: Buffer.from('key of this box'),
      onNotice: (code, message) => void this.notices.push(`${code} ${message}`),
      onPeer: (flow) => void this.peers.push(flow),
      isDevices: () => false,
      readNumber: (number, plan) => {
        const { numbering } = dialPlanOf(this.configuration, undefined);
        const { e164, range } = readNumber(number, numberingOfLine(numbering, plan));
        return { e164, isAbroad: range === 'international' };
      },
      clock,
      logger: createLogger('debug', { write: (line) => void this.log.push(line) }),
      random: () => 0.5,
    });
  }

  static async open(protocol: TransportProtocol, address: string, configuration: object): Promise<Box> {
    const invites: IncomingInvite[] = [];
    const { stack, clock } = await openStack([protocol], address, {
      handlers: {
        onRequest: () => false,
        onInvite: (invite) => {
          invites.push(invite);
          return true;
        },
      },
    });
    const box = await Box.over({ stack, clock }, configuration);
    Object.assign(box, { invites });
    return box;
  }

  /** On a stack that is there. */
  static async over(
    opened: { readonly stack: SipStack; readonly clock: FakeClock },
    configuration: object,
  ): Promise<Box> {
    const box = new Box(opened.stack, opened.clock, configuration);
    box.lines.apply(box.configuration.lines);
    return box;
  }

  /** Another configuration; lines that are the same keep their identity, as the store has it. */
  edit(configuration: object): void {
    const node = nodeOf(configurationSchema);
    this.configuration = complete(node, configuration, this.configuration) as Configuration;
    this.lines.apply(this.configuration.lines);
  }

  get states(): readonly string[] {
    return this.lines.list().map(({ line, state }) => `${line} ${state}`);
  }

  /** Waits, with the clock standing still, until it is so. */
  async until(isSo: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + 5000;
    while (!isSo()) {
      if (performance.now() > deadline) throw new Error(`never: ${what}; ${JSON.stringify(this.lines.list())}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** The same while the clock runs, a second at a time, for so many of them at the most. */
  async untilInTime(isSo: () => boolean, what: string, seconds = 4000): Promise<void> {
    for (let second = 0; second < seconds && !isSo(); second += 1) {
      this.clock.advance(1000);
      for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    if (!isSo()) throw new Error(`never: ${what}; ${JSON.stringify(this.lines.list())}`);
  }

  async close(): Promise<void> {
    const closing = this.lines.close();
    for (let turn = 0; turn < 20; turn += 1) {
      await new Promise((resolve) => setTimeout(resolve, 2));
      this.clock.advance(500);
    }
    await closing;
    const stopping = this.stack.close();
    for (let turn = 0; turn < 5; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      this.clock.advance(40_000);
    }
    await stopping;
  }
}

function completed(configuration: object): Configuration {
  return complete(nodeOf(configurationSchema), configuration) as Configuration;
}

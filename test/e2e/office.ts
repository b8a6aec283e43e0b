import { join } from 'node:path';
import t, { type Test } from 'tap';
import { requestCommand } from '../../firmware/console/control.ts';
import { takenUdpPorts } from '../support/free-ports.ts';
import type { Phone, PhoneOptions } from '../support/phone/phone.ts';
import { TestPhone } from '../support/phone/test-phone.ts';
import { Ringdown } from '../support/ringdown.ts';

const EXTENSIONS = { '201': 'Reception', '202': 'Workshop', '203': 'Warehouse' } as const;
export type Extension = keyof typeof EXTENSIONS;

export function passwordOf(extension: Extension): string {
  return `only-for-tests-${extension}`;
}

/** A running box with the extensions 201, 202 and 203, and its phones. */
export class Office {
  readonly ringdown: Ringdown;
  readonly #phones: Phone[] = [];

  private constructor(ringdown: Ringdown) {
    this.ringdown = ringdown;
  }

  /** With a runtime that is not started yet; one on 127.0.0.1 and ::1 unless given. */
  static async open(created = Ringdown.create()): Promise<Office> {
    const ringdown = await created;
    try {
      for (const [number, name] of Object.entries(EXTENSIONS)) {
        await ringdown.addExtension(number, name, `only-for-tests-${number}`);
      }
      await ringdown.start();
    } catch (error) {
      await ringdown.close();
      throw error;
    }
    return new Office(ringdown);
  }

  /** A phone that is not registered: on 127.0.0.1 with A-law, unless told otherwise. */
  async phone(extension: Extension, options: Partial<PhoneOptions> = {}): Promise<TestPhone> {
    const localAddress = options.localAddress ?? '127.0.0.1';
    const phone = await TestPhone.start({
      user: extension,
      password: passwordOf(extension),
      localAddress,
      server: localAddress,
      serverPort: this.ringdown.sipPort,
      codecs: ['PCMA'],
      ...options,
    });
    this.#phones.push(phone);
    return phone;
  }

  async registered(extension: Extension, options: Partial<PhoneOptions> = {}): Promise<TestPhone> {
    const phone = await this.phone(extension, options);
    const { status, statuses } = await phone.register();
    if (status !== 200) throw new Error(`${extension} is not registered: ${statuses.join(', ')}`);
    return phone;
  }

  /** Media ports that the box holds on any of its addresses. */
  async takenMediaPorts(): Promise<readonly string[]> {
    const { first, last } = this.ringdown.mediaPorts;
    const taken: string[] = [];
    for (const address of this.ringdown.addresses) {
      for (const port of await takenUdpPorts(address, first, last)) taken.push(`${address} ${port}`);
    }
    return taken;
  }

  /** Waits until no media port is held; those that still are after `timeoutMs`. */
  async mediaPortsLeft(timeoutMs = 20_000): Promise<readonly string[]> {
    const deadline = performance.now() + timeoutMs;
    let taken = await this.takenMediaPorts();
    while (taken.length > 0 && performance.now() < deadline) taken = await this.takenMediaPorts();
    return taken;
  }

  /** What a developer needs to see when a test fails. */
  async report(): Promise<string> {
    const transcripts = await Promise.all(this.#phones.map((phone) => phone.transcript()));
    return [this.ringdown.report, ...transcripts.map((text) => text.slice(-12_000))].join('\n\n--- a phone ---\n');
  }

  /** Closes the phones that there are, and has the box forget them: for tests that share an office. */
  async clear(): Promise<void> {
    await Promise.all(this.#phones.splice(0).map((phone) => phone.close()));
    const socket = join(this.ringdown.dataDirectory, 'control.sock');
    for (const extension of Object.keys(EXTENSIONS)) await requestCommand(socket, ['devices', 'forget', extension]);
  }

  async close(): Promise<void> {
    await Promise.all(this.#phones.map((phone) => phone.close()));
    await this.ringdown.close();
  }
}

/** A test with an office of its own; when it fails it prints the log and what the phones sent and received. */
export function officeTest(
  name: string,
  run: (t: Test, office: Office) => Promise<void>,
  create?: (t: Test) => Promise<Ringdown>,
): void {
  t.test(name, async (t) => {
    const office = await Office.open(create?.(t));
    let finished = false;
    try {
      await run(t, office);
      finished = true;
    } finally {
      if (!finished || !t.passing()) t.comment(await office.report());
      await office.close();
    }
  });
}

/** Both phones play a sequence of their own, and each hears the other's and not its own. */
export async function talk(t: Test, left: Phone, right: Phone): Promise<void> {
  const [fromLeft, fromRight] = ['adbfc', 'fcebd'] as const;
  await Promise.all([left.play(fromLeft), right.play(fromRight)]);
  const [toLeft, toRight] = await Promise.all([left.hears(fromRight), right.hears(fromLeft)]);
  t.notMatch(toLeft.notes, fromLeft, 'nobody hears an echo of themselves');
  t.notMatch(toRight.notes, fromRight, 'nobody hears an echo of themselves');
  for (const heard of [toLeft, toRight]) {
    t.equal(heard.malformed, 0, 'every packet is whole');
    t.ok(heard.lost <= 2, `${heard.lost} packets of ${heard.packets} are lost`);
    t.equal(heard.ssrcs, 1, 'one source');
  }
}

/** Both hear each other, whatever they heard before, from whom, and with what gaps. */
export async function hearEachOther(left: Phone, right: Phone): Promise<void> {
  await Promise.all([left.play('adbfc'), right.play('fcebd')]);
  await Promise.all([left.hears('fcebd'), right.hears('adbfc')]);
}

/** The phones of all three extensions, which take offers in their calls. */
export function three(office: Office): Promise<readonly [TestPhone, TestPhone, TestPhone]> {
  return Promise.all([
    office.registered('201', { takesOffers: true }),
    office.registered('202', { takesOffers: true }),
    office.registered('203', { takesOffers: true }),
  ]);
}

/** `from` dials, `to` rings and answers. */
export async function conversation(from: TestPhone, to: TestPhone, dialled: string): Promise<void> {
  await from.invite(dialled);
  await to.incomingCall();
  await Promise.all([to.answer(), from.answered()]);
}

/** One key after the other. */
export async function press(phone: Phone, keys: string): Promise<void> {
  for (const key of keys) await phone.pressKey(key);
}

import t, { type Test } from 'tap';
import { type Lan, TestNetwork } from '../support/netns.ts';
import type { PhoneOptions } from '../support/phone/phone.ts';
import { RemotePhone } from '../support/phone/remote-phone.ts';
import { Box, type BoxOptions } from '../support/qemu.ts';

/** QEMU is software emulation, on a machine that has other things to do. */
const TIMEOUT_MS = 1_100_000;

/** What a boot test has: two LANs, and boxes and phones on them that are gone when it ends. */
export class Bench {
  readonly network = TestNetwork.create();
  readonly #boxes: Box[] = [];
  readonly #phones: RemotePhone[] = [];

  /** Powers a box on. */
  start(options: Omit<BoxOptions, 'network'>): Box {
    const box = Box.start({ network: this.network, ...options });
    this.#boxes.push(box);
    return box;
  }

  /** A phone on a LAN, as host 50 of the network that its server, the box, is in. */
  async phone(lan: Lan, options: Omit<PhoneOptions, 'serverPort' | 'localAddress'>): Promise<RemotePhone> {
    const { server } = options;
    const isIpv6 = server.includes(':');
    const localAddress = isIpv6 ? server.replace(/::1$/, '::50') : server.replace(/\.1$/, '.50');
    this.network.addAddress(lan, `${localAddress}/${isIpv6 ? 64 : 24}`);
    const phone = await RemotePhone.start({ ...options, localAddress, serverPort: 5060 }, this.network.prefix(lan));
    this.#phones.push(phone);
    return phone;
  }

  /** What a developer needs to see when a test fails. */
  async report(): Promise<string> {
    const transcripts = this.#phones.map((phone) => phone.transcript().catch(String));
    const parts = [...this.#boxes.map((box) => box.report), ...(await Promise.all(transcripts))];
    return parts.map((text) => text.slice(-12_000)).join('\n\n----\n');
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#phones.map((phone) => phone.close()));
    await Promise.allSettled(this.#boxes.map((box) => box.close()));
    this.network.close();
  }
}

/** A test with a bench of its own; when it fails it prints the serial lines and what the phones sent and received. */
export function bootTest(name: string, run: (t: Test, bench: Bench) => Promise<void>): void {
  t.setTimeout(TIMEOUT_MS + 50_000);
  t.test(name, { timeout: TIMEOUT_MS }, async (t) => {
    const bench = new Bench();
    let finished = false;
    try {
      await run(t, bench);
      finished = true;
    } finally {
      if (!finished || !t.passing()) t.comment(await bench.report());
      await bench.close();
    }
  });
}

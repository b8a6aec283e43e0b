import { randomBytes } from 'node:crypto';
import { atExit } from './cleanup.ts';
import { asRoot, runAsRoot } from './privilege.ts';

export type Lan = 'lan1' | 'lan2';

/**
 * Two separate LANs on this machine, for a box between them: a namespace with a tap device and a bridge for each LAN,
 * where QEMU runs, and a namespace of a phone on each LAN. Names are new for each run; nothing touches the machine's
 * own network.
 *
 *     gateway namespace                      lan1 namespace
 *     tap1 ── br1 ── v1 ════════════════════ eth0
 *     tap2 ── br2 ── v2 ════════════════════ eth0   (lan2 namespace)
 */
export class TestNetwork {
  /** Taps of the gateway namespace. */
  static readonly TAPS: Readonly<Record<Lan, string>> = { lan1: 'tap1', lan2: 'tap2' };
  readonly #name = `rd-${randomBytes(4).toString('hex')}`;
  readonly #remove: () => void;

  private constructor() {
    this.#remove = atExit(() => {
      const there = new Set(runAsRoot('ip', 'netns', 'list').split(/\s+/));
      for (const name of this.namespaces) {
        if (there.has(name)) runAsRoot('ip', 'netns', 'delete', name);
      }
    });
  }

  /** Needs root, or sudo without a password. Removed by close(), at the latest when the process exits. */
  static create(): TestNetwork {
    const network = new TestNetwork();
    try {
      network.#build();
    } catch (error) {
      network.close();
      throw error;
    }
    return network;
  }

  /** The names of its namespaces. */
  get namespaces(): readonly string[] {
    return [this.#name, `${this.#name}-lan1`, `${this.#name}-lan2`];
  }

  /** What to put in front of a command line that is to run where QEMU runs. */
  get gatewayPrefix(): readonly string[] {
    return prefixOf(this.#name);
  }

  /** What to put in front of a command line that is to run on a LAN. */
  prefix(lan: Lan): readonly string[] {
    return prefixOf(`${this.#name}-${lan}`);
  }

  /** Gives the phone on a LAN one more address, such as `192.168.42.50/24`. */
  addAddress(lan: Lan, address: string): void {
    const family = address.includes(':') ? ['-6'] : [];
    const noDetection = address.includes(':') ? ['nodad'] : [];
    const namespace = `${this.#name}-${lan}`;
    runAsRoot('ip', '-n', namespace, ...family, 'address', 'add', address, 'dev', 'eth0', ...noDetection);
  }

  close(): void {
    this.#remove();
  }

  #build(): void {
    const gateway = this.#name;
    for (const name of this.namespaces) {
      runAsRoot('ip', 'netns', 'add', name);
      runAsRoot('ip', '-n', name, 'link', 'set', 'lo', 'up');
    }
    for (const [lan, tap] of Object.entries(TestNetwork.TAPS)) {
      const number = lan.slice(-1);
      const phone = `${gateway}-${lan}`;
      const ip = (...words: readonly string[]): string => runAsRoot('ip', '-n', gateway, ...words);
      ip('tuntap', 'add', 'dev', tap, 'mode', 'tap');
      // No snooping: it would hold back IPv6 neighbour discovery until a querier shows up, and there is none.
      ip('link', 'add', `br${number}`, 'type', 'bridge', 'mcast_snooping', '0', 'forward_delay', '0');
      ip('link', 'add', `v${number}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', phone);
      for (const device of [tap, `v${number}`]) {
        ip('link', 'set', device, 'master', `br${number}`);
        ip('link', 'set', device, 'up');
      }
      ip('link', 'set', `br${number}`, 'up');
      runAsRoot('ip', '-n', phone, 'link', 'set', 'eth0', 'up');
      // Ask for a box that is not up yet ten times a second instead of once, so that measured times are not rounded up.
      for (const family of ['ipv4', 'ipv6']) {
        const setting = `net.${family}.neigh.eth0.retrans_time_ms=100`;
        runAsRoot('ip', 'netns', 'exec', phone, 'sysctl', '-q', '-w', setting);
      }
    }
  }
}

function prefixOf(name: string): readonly string[] {
  return [...asRoot(), 'ip', 'netns', 'exec', name];
}

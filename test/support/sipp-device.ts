import { join } from 'node:path';
import { repositoryPath } from './repository.ts';
import { RemoteSipRelay, SipRelay } from './sip-relay.ts';
import { Sipp, type SippResult } from './sipp.ts';

export interface SippDeviceOptions {
  readonly extension: string;
  readonly password: string;
  readonly via: 'UDP' | 'TCP' | 'TLS';
  /** Its own. */
  readonly address: string;
  readonly port: number;
  readonly box: { readonly address: string; readonly port: number };
  /** What vouches for the box, in PEM: for TLS. */
  readonly authority?: string;
  /** Words that enter the network namespace where it is, before each command line. */
  readonly prefix?: readonly string[];
  /** How long an expected message may be away. */
  readonly receiveMs?: number;
  /** How long a scenario may take unless it is told otherwise. */
  readonly timeoutMs?: number;
}

export interface RunOptions {
  /** More of what stands in the scenario as `[name]`, or other values. */
  readonly keys?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly calls?: number;
  readonly extra?: readonly string[];
}

/** A device of an extension: every sipp that runs as it, one after the other, has the same port or connection. */
export class SippDevice {
  readonly #options: SippDeviceOptions;
  readonly #relay: SipRelay | RemoteSipRelay | undefined;

  private constructor(options: SippDeviceOptions, relay: SipRelay | RemoteSipRelay | undefined) {
    this.#options = options;
    this.#relay = relay;
  }

  static async create(options: SippDeviceOptions): Promise<SippDevice> {
    const { via, address, port, box, authority, prefix } = options;
    if (via === 'UDP') return new SippDevice(options, undefined);
    if (via === 'TLS' && authority === undefined) throw new Error('a device with TLS needs the authority of the box');
    const relayed = { address, listenerPort: port, box, ...(via === 'TLS' ? { authority } : {}) };
    const relay = await (prefix === undefined ? SipRelay.open(relayed) : RemoteSipRelay.start(relayed, prefix));
    return new SippDevice(options, relay);
  }

  get extension(): string {
    return this.#options.extension;
  }

  /** Makes the box offer MD5 alone from now on, the one algorithm that sipp knows. */
  async introduce(): Promise<void> {
    await this.succeeds('register/ask-twice');
  }

  /** Runs a scenario that must go as it says; throws where it does not. */
  async succeeds(scenario: string): Promise<void> {
    const { status, report } = await this.run(scenario, '');
    if (status !== 0) throw new Error(`${this.extension}, ${this.#options.via}: ${scenario} went wrong\n${report}`);
  }

  /** Runs a scenario of test/e2e/sipp to its end. `peer` is whom it calls. */
  async run(scenario: string, peer: string, options: RunOptions = {}): Promise<SippResult> {
    return this.start(scenario, peer, options).result;
  }

  /** Starts a scenario that begins with something received, and resolves when that can come. */
  async listen(scenario: string, peer: string, options: RunOptions = {}): Promise<Sipp> {
    const sipp = this.start(scenario, peer, options);
    await sipp.ready();
    return sipp;
  }

  /** Starts a scenario and does not wait for it. */
  start(scenario: string, peer: string, { keys = {}, ...options }: RunOptions = {}): Sipp {
    const { extension, password, via, address, port, box, prefix, receiveMs, timeoutMs } = this.#options;
    return Sipp.start({
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...options,
      scenario: scenarioPath(scenario),
      protocol: via === 'UDP' ? 'udp' : 'tcp',
      address,
      port,
      remote: this.#relay === undefined ? box : { address, port: this.#relay.port },
      ...(prefix === undefined ? {} : { prefix }),
      ...(receiveMs === undefined ? {} : { receiveMs }),
      keys: {
        ...{ user: extension, password, peer, via, box: bracketed(box.address) },
        contact: `sip:${extension}@${bracketed(address)}:${port};transport=${via.toLowerCase()}`,
        ...keys,
      },
    });
  }

  /** Cuts its connection to the box, where it has one. */
  cut(): void {
    if (this.#relay instanceof SipRelay) this.#relay.cut();
  }

  close(): void {
    this.#relay?.close();
  }
}

export function scenarioPath(scenario: string): string {
  return join(repositoryPath, 'test/e2e/sipp', `${scenario}.xml`);
}

/** An address as it stands in a URI. */
export function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

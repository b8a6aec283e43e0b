import type { Clock, Timer } from './core/clock.ts';
import type { Logger } from './core/logger.ts';
import type { SipStack, TransportProtocol } from './sip/stack.ts';
import type { ServerCertificate } from './system/certificates.ts';
import type { Lan } from './system/network.ts';
import { NetworkAddresses } from './system/network-addresses.ts';
import type { WebServer } from './web/server.ts';

export interface ListenersOptions {
  readonly stack: SipStack;
  readonly web: WebServer;
  /** Addresses that must be there: where one cannot be served, that is thrown. */
  readonly fixed: readonly string[];
  /** Folder with the files of the LANs, whose addresses come and go: where one cannot be served, it is tried again. */
  readonly networkDirectory?: string | undefined;
  readonly ports: Readonly<Record<WebService, number>>;
  /** Those of SIP, until `useSipPorts` says others. */
  readonly sipPorts: SipPorts;
  /** Makes or finds a certificate for these addresses and host names; one call at a time. */
  readonly certificate: (addresses: readonly string[], names: readonly string[]) => Promise<ServerCertificate>;
  /** Asked whenever the certificate is looked after. */
  readonly hostNames: () => readonly string[];
  /** Called before the listeners of these addresses close: what goes over them has one turn of the event loop to end. */
  readonly onLeaving: (addresses: readonly string[]) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The ports of SIP; a transport that is left out is off. */
export type SipPorts = Readonly<Partial<Record<TransportProtocol, number>>>;

/** What an address offers; each is opened by itself, so that one that fails does not hold up the others. */
type Service = TransportProtocol | WebService;
type WebService = 'http' | 'https' | PhoneService;
/** HTTP and HTTPS on the ports that phones prefer, besides the usual ones. */
type PhoneService = 'phoneHttp' | 'phoneHttps';

const SIP_SERVICES: readonly TransportProtocol[] = ['udp', 'tcp', 'tls', 'ws', 'wss'];
const PHONE_SERVICES: readonly Service[] = ['phoneHttp', 'phoneHttps'] satisfies readonly PhoneService[];
const SECURE_SERVICES: readonly Service[] = ['tls', 'wss', 'https', 'phoneHttps'];
/** The box does without these rather than not start. */
const DISPENSABLE: readonly Service[] = [...PHONE_SERVICES, 'ws', 'wss'];

const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 10_000;

/** The listeners of SIP and web on every address that the box has at the moment, and the certificate that they show. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #network: NetworkAddresses | undefined;
  readonly #services: Service[] = [];
  /** What is open, by address, and on which port. */
  readonly #open = new Map<string, Map<Service, number>>();
  /** What could not be opened and is tried again: logged when it comes in here. */
  readonly #failing = new Set<string>();
  readonly #listening = new Rounds(() => this.#settle());
  readonly #certifying = new Rounds(() => this.#certify());
  #certificate: ServerCertificate | undefined;
  /** The addresses that the certificate names: TLS on any other would be refused by every client. */
  #certified: readonly string[] = [];
  #certifiedNames: readonly string[] = [];
  #usesPhonePorts = false;
  #sipPorts: SipPorts;
  #servedSipPorts: SipPorts = {};
  #isSecure = false;
  /** Whether everything has been offered: from then on nobody waits for what a fixed address says. */
  #isComplete = false;
  /** Why a fixed address cannot be served. */
  #fault: unknown;
  #retry: Timer | undefined;
  #retryMs = FIRST_RETRY_MS;
  #closed = false;

  /** Opens nothing yet. Throws UsageError SYSTEM_NETWORK_FOLDER. */
  constructor(options: ListenersOptions) {
    this.#options = options;
    const { networkDirectory, logger } = options;
    this.#sipPorts = options.sipPorts;
    if (networkDirectory !== undefined) {
      this.#network = NetworkAddresses.follow(networkDirectory, () => this.#follow(), logger);
    }
  }

  /** The one that TLS listeners show; undefined as long as there is none. */
  get certificate(): ServerCertificate | undefined {
    return this.#certificate;
  }

  /** The LAN of an address, where the addresses of the LANs are followed. */
  lanOf(address: string): Lan | undefined {
    return this.#network?.lanOf(address);
  }

  /** Where SIP is really served, on one address at least. Another object whenever that has changed. */
  get servedSipPorts(): SipPorts {
    return this.#servedSipPorts;
  }

  /** Serves SIP on these ports from now on; where nothing changes nobody notices. */
  useSipPorts(ports: SipPorts): void {
    this.#sipPorts = ports;
    this.#retryMs = FIRST_RETRY_MS;
    if (!this.#closed && this.#services.length > 0) void this.#listening.run();
  }

  /** Whether HTTP and HTTPS are served on the ports that phones prefer as well. Opens and closes them where they are on. */
  usePhonePorts(isOn: boolean): void {
    this.#usesPhonePorts = isOn;
    if (!this.#closed && this.#services.length > 0) void this.#listening.run();
  }

  /** The box has other host names: they come into the certificate. Resolves when they are, or when that has failed. */
  async useHostNames(): Promise<void> {
    if (!this.#closed && this.#isSecure) await this.#certifying.run();
  }

  /**
   * Offers SIP over UDP and TCP, or HTTP and then SIP over WebSocket, on every address from now on. Throws UsageErrors that
   * name the port or address of those that are fixed.
   */
  async serve(service: 'sip' | 'http'): Promise<void> {
    await (service === 'http' ? this.#offer('http', 'phoneHttp', 'ws') : this.#offer('udp', 'tcp'));
  }

  /**
   * Makes the certificate, then offers SIP over TLS, HTTPS, and SIP over secure WebSocket on every address from now on.
   * Without a certificate the box still telephones, over UDP and TCP. Throws as `serve` does.
   */
  async serveSecurely(): Promise<void> {
    this.#isSecure = true;
    await this.#certifying.run();
    await this.#offer('tls', 'https', 'phoneHttps', 'wss');
    this.#isComplete = true;
  }

  /** Follows the LANs no more; stack and web server are their owner's to close. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#network?.close();
    this.#retry?.cancel();
    await this.#listening.ended;
  }

  async #offer(...services: readonly Service[]): Promise<void> {
    this.#services.push(...services);
    await this.#listening.run();
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** An address of a LAN came or went. */
  #follow(): void {
    if (this.#closed) return;
    this.#retryMs = FIRST_RETRY_MS;
    void this.#listening.run();
    // Seconds later, on the addresses that are new.
    if (this.#isSecure) void this.#certifying.run().then(() => this.#listening.run());
  }

  get #wanted(): readonly string[] {
    return [...new Set([...this.#options.fixed, ...(this.#network?.addresses ?? [])])];
  }

  /** Opens what is wanted and closes what is not. Never rejects. */
  async #settle(): Promise<void> {
    if (this.#closed) return;
    const wanted = this.#wanted;
    // First, since a port may go from one service to another.
    const off = await this.#closeWhatIsOff();
    const opened: string[] = [];
    for (const address of wanted) {
      for (const service of this.#services) {
        if (await this.#openOne(address, service)) opened.push(`${service} ${address}`);
      }
    }
    const gone = [...this.#open.keys()].filter((address) => !wanted.includes(address));
    if (gone.length > 0) await this.#closeAll(gone);
    this.#forgetFailures(wanted);
    this.#noteSipPorts();
    const closed = [...gone, ...off];
    if (closed.length > 0 || (opened.length > 0 && this.#isComplete)) {
      this.#options.logger.info({ opened, closed }, 'the addresses that are served changed');
    }
    this.#tryAgainLater();
  }

  /** True when it was opened now. */
  async #openOne(address: string, service: Service): Promise<boolean> {
    const port = this.#portOf(service);
    const open = this.#open.get(address) ?? new Map<Service, number>();
    if (port === undefined || open.has(service)) return false;
    if (SECURE_SERVICES.includes(service) && !this.#certified.includes(address)) return false;
    const name = failureName(service, address, port);
    try {
      await this.#listen(address, service, port);
    } catch (error) {
      const isFatal = this.#options.fixed.includes(address) && !this.#isComplete && !DISPENSABLE.includes(service);
      if (isFatal) this.#fault ??= error;
      else if (!this.#failing.has(name)) {
        this.#failing.add(name);
        this.#options.logger.warn({ err: error, address, service, port }, 'cannot listen yet: it is tried again');
      }
      return false;
    }
    this.#open.set(address, open.set(service, port));
    this.#failing.delete(name);
    return true;
  }

  async #listen(address: string, service: Service, port: number): Promise<void> {
    const { stack, web } = this.#options;
    switch (service) {
      case 'udp':
      case 'tcp':
      case 'ws':
        return stack.listen([{ protocol: service, address, port }]);
      case 'tls':
      case 'wss':
        return stack.listen([{ protocol: service, address, port, ...this.#identity() }]);
      case 'http':
      case 'phoneHttp':
        return web.listen({ http: [{ address, port }] });
      case 'https':
      case 'phoneHttps':
        return web.listen({ https: [{ address, port }] });
    }
  }

  #identity(): { readonly tls?: Pick<ServerCertificate, 'key' | 'cert'> } {
    if (this.#certificate === undefined) return {};
    const { key, cert } = this.#certificate;
    return { tls: { key, cert } };
  }

  async #closeAll(addresses: readonly string[]): Promise<void> {
    const { stack, web, onLeaving } = this.#options;
    onLeaving(addresses);
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([stack.unlisten(addresses), web.unlisten(addresses)]);
    for (const address of addresses) this.#open.delete(address);
  }

  /** Undefined where the service is off. */
  #portOf(service: Service): number | undefined {
    if (isSip(service)) return this.#sipPorts[service];
    const { http, https, [service]: port } = this.#options.ports;
    if (!PHONE_SERVICES.includes(service)) return port;
    return this.#usesPhonePorts && port !== http && port !== https ? port : undefined;
  }

  /** What is off now, or has moved to another port. */
  async #closeWhatIsOff(): Promise<readonly string[]> {
    const { stack, web } = this.#options;
    const closed: string[] = [];
    for (const [address, open] of this.#open) {
      for (const [service, port] of open) {
        if (this.#portOf(service) === port) continue;
        if (isSip(service)) await stack.unlisten([address], service);
        else await web.unlisten([address], port);
        open.delete(service);
        closed.push(`${service} ${address}`);
      }
    }
    return closed;
  }

  #forgetFailures(wanted: readonly string[]): void {
    const present = wanted.flatMap((address) =>
      this.#services.map((service) => failureName(service, address, this.#portOf(service))),
    );
    for (const failing of this.#failing) if (!present.includes(failing)) this.#failing.delete(failing);
  }

  #noteSipPorts(): void {
    const open = [...this.#open.values()];
    const served = SIP_SERVICES.flatMap((service) => {
      const port = open.map((services) => services.get(service)).find((each) => each !== undefined);
      return port === undefined ? [] : [[service, port] as const];
    });
    const isSame = served.join() === Object.entries(this.#servedSipPorts).join();
    if (!isSame) this.#servedSipPorts = Object.fromEntries(served);
  }

  #tryAgainLater(): void {
    this.#retry?.cancel();
    if (this.#failing.size === 0 || this.#closed) return;
    this.#retry = this.#options.clock.schedule(this.#retryMs, () => void this.#listening.run());
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
  }

  /** Sees that the certificate names every address that is wanted, and every host name. Never rejects. */
  async #certify(): Promise<void> {
    const addresses = this.#wanted;
    const isNew = addresses.some((address) => !this.#certified.includes(address));
    const isOld = this.#certified.some((address) => !addresses.includes(address));
    const { stack, web, certificate, hostNames, logger } = this.#options;
    const names = hostNames();
    const isRenamed = names.join() !== this.#certifiedNames.join();
    if (this.#closed || addresses.length === 0 || !(isNew || isOld || isRenamed)) return;
    try {
      const made = await certificate(addresses, names);
      if (this.#closed) return;
      stack.useCertificate({ key: made.key, cert: made.cert });
      web.useCertificate(made);
      this.#certificate = made;
      this.#certified = addresses;
      this.#certifiedNames = names;
    } catch (error) {
      logger.error({ err: error, addresses }, 'no certificate: SIP over TLS and HTTPS stay off where they are not on');
    }
  }
}

function isSip(service: Service): service is TransportProtocol {
  return SIP_SERVICES.some((each) => each === service);
}

function failureName(service: Service, address: string, port: number | undefined): string {
  return `${service} ${address} ${port}`;
}

/** Does something once at a time: who asks while it is being done has it done once more, after that. */
class Rounds {
  readonly #round: () => Promise<void>;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(round: () => Promise<void>) {
    this.#round = round;
  }

  /** Resolves when nothing is asked any more. */
  get ended(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  /** Resolves when a whole round was done since this call. */
  run(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#loop();
    return this.#running;
  }

  async #loop(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      await this.#round();
    }
    this.#running = undefined;
  }
}

import type { Clock, Timer } from './core/clock.ts';
import type { Logger } from './core/logger.ts';
import type { ListenPoint, SipStack } from './sip/stack.ts';
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
  readonly ports: Readonly<Record<Service, number>>;
  /** Makes or finds a certificate for these addresses and host names; one call at a time. */
  readonly certificate: (addresses: readonly string[], names: readonly string[]) => Promise<ServerCertificate>;
  /** Asked whenever the certificate is looked after. */
  readonly hostNames: () => readonly string[];
  /** Called before the listeners of these addresses close: what goes over them has one turn of the event loop to end. */
  readonly onLeaving: (addresses: readonly string[]) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What an address offers; each is opened by itself, so that one that fails does not hold up the others. */
type Service = 'sip' | 'http' | 'sips' | 'https' | PhoneService;
/** HTTP and HTTPS on the ports that phones prefer, besides the usual ones. */
type PhoneService = 'phoneHttp' | 'phoneHttps';

const PHONE_SERVICES: readonly Service[] = ['phoneHttp', 'phoneHttps'] satisfies readonly PhoneService[];

const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 10_000;

/** The listeners of SIP and web on every address that the box has at the moment, and the certificate that they show. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #network: NetworkAddresses | undefined;
  readonly #services: Service[] = [];
  /** What is open, by address. */
  readonly #open = new Map<string, Set<Service>>();
  /** What could not be opened and is tried again: logged when it comes in here. */
  readonly #failing = new Set<string>();
  readonly #listening = new Rounds(() => this.#settle());
  readonly #certifying = new Rounds(() => this.#certify());
  #certificate: ServerCertificate | undefined;
  /** The addresses that the certificate names: TLS on any other would be refused by every client. */
  #certified: readonly string[] = [];
  #certifiedNames: readonly string[] = [];
  #usesPhonePorts = false;
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
   * Offers SIP over UDP and TCP, or HTTP, on every address from now on. Throws UsageErrors that name the port or
   * address of those that are fixed.
   */
  async serve(service: 'sip' | 'http'): Promise<void> {
    await (service === 'http' ? this.#offer('http', 'phoneHttp') : this.#offer('sip'));
  }

  /**
   * Makes the certificate, then offers SIP over TLS and HTTPS on every address from now on. Without a certificate the
   * box still telephones, over UDP and TCP. Throws as `serve` does.
   */
  async serveSecurely(): Promise<void> {
    this.#isSecure = true;
    await this.#certifying.run();
    await this.#offer('sips', 'https', 'phoneHttps');
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
    const opened: string[] = [];
    for (const address of wanted) {
      for (const service of this.#services.filter((each) => this.#isOn(each))) {
        if (await this.#openOne(address, service)) opened.push(`${service} ${address}`);
      }
    }
    const gone = [...this.#open.keys()].filter((address) => !wanted.includes(address));
    if (gone.length > 0) await this.#closeAll(gone);
    const closed = [...gone, ...(await this.#closeWhatIsOff())];
    for (const failing of this.#failing) {
      const isWanted = this.#services.some(
        (service) => this.#isOn(service) && wanted.some((address) => failing === `${service} ${address}`),
      );
      if (!isWanted) this.#failing.delete(failing);
    }
    if (closed.length > 0 || (opened.length > 0 && this.#isComplete)) {
      this.#options.logger.info({ opened, closed }, 'the addresses that are served changed');
    }
    this.#tryAgainLater();
  }

  /** True when it was opened now. */
  async #openOne(address: string, service: Service): Promise<boolean> {
    const isSecure = service === 'sips' || service === 'https' || service === 'phoneHttps';
    const open = this.#open.get(address) ?? new Set<Service>();
    if (open.has(service) || (isSecure && !this.#certified.includes(address))) return false;
    const name = `${service} ${address}`;
    try {
      await this.#listen(address, service);
    } catch (error) {
      // Phones ask on the usual ports as well: the box does without the others rather than not start.
      const isFatal = this.#options.fixed.includes(address) && !this.#isComplete && !PHONE_SERVICES.includes(service);
      if (isFatal) this.#fault ??= error;
      else if (!this.#failing.has(name)) {
        this.#failing.add(name);
        this.#options.logger.warn({ err: error, address, service }, 'cannot listen yet: it is tried again');
      }
      return false;
    }
    this.#open.set(address, open.add(service));
    this.#failing.delete(name);
    return true;
  }

  async #listen(address: string, service: Service): Promise<void> {
    const { stack, web, ports } = this.#options;
    const port = ports[service];
    switch (service) {
      case 'sip':
        return stack.listen((['udp', 'tcp'] as const).map((protocol): ListenPoint => ({ protocol, address, port })));
      case 'sips':
        return stack.listen([{ protocol: 'tls', address, port, ...this.#identity() }]);
      case 'http':
      case 'phoneHttp':
        return web.listen({ http: [{ address, port }] });
      case 'https':
      case 'phoneHttps':
        return web.listen({ https: [{ address, port }] });
    }
  }

  #identity(): Pick<ListenPoint, 'tls'> {
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

  #isOn(service: Service): boolean {
    if (!PHONE_SERVICES.includes(service)) return true;
    const { http, https, [service]: port } = this.#options.ports;
    return this.#usesPhonePorts && port !== http && port !== https;
  }

  async #closeWhatIsOff(): Promise<readonly string[]> {
    const closed: string[] = [];
    for (const service of PHONE_SERVICES) {
      const addresses = [...this.#open].flatMap(([address, open]) => (open.has(service) ? address : []));
      if (this.#isOn(service) || addresses.length === 0) continue;
      await this.#options.web.unlisten(addresses, this.#options.ports[service]);
      for (const address of addresses) {
        this.#open.get(address)?.delete(service);
        closed.push(`${service} ${address}`);
      }
    }
    return closed;
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

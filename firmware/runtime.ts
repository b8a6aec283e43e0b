import { Readable, Writable } from 'node:stream';
import { Command, CommanderError } from 'commander';
import { CallServer } from './call/call-server.ts';
import { CODECS } from './call/negotiation.ts';
import { BindingStore } from './config/binding-store.ts';
import { ConfigurationStore } from './config/configuration-store.ts';
import { digestOf, findExtension } from './config/extension.ts';
import { configCommand } from './console/commands/config.ts';
import type { CommandContext } from './console/commands/context.ts';
import { extensionCommand } from './console/commands/extension.ts';
import { type RuntimeStatus, statusCommand } from './console/commands/status.ts';
import { type CommandResult, ControlServer } from './console/control.ts';
import { systemClock } from './core/clock.ts';
import { RingdownError } from './core/errors.ts';
import { type Logger, SourceLog } from './core/logger.ts';
import { MediaClient } from './media/client.ts';
import { phoneFiles } from './phones/phone-files.ts';
import type { ServedPorts } from './phones/settings-input.ts';
import { Authenticator } from './registrar/authenticator.ts';
import { LocationService } from './registrar/location.ts';
import { Registrar } from './registrar/registrar.ts';
import { type ListenPoint, SipStack } from './sip/stack.ts';
import { ensureCertificate, type ServerCertificate } from './system/certificates.ts';
import { WebServer, type WebServerOptions } from './web/server.ts';

export interface RuntimeOptions {
  readonly dataDirectory: string;
  /** IPv4 and IPv6 addresses of this machine. */
  readonly listen: readonly string[];
  readonly sipPort: number;
  readonly sipsPort: number;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** UDP ports, both ends included; those of the configuration unless given. */
  readonly mediaPorts?: { readonly low: number; readonly high: number };
  /** From a local address to the one that peers beyond a port forward see. */
  readonly advertise: ReadonlyMap<string, string>;
  readonly controlPath: string;
}

const clock = systemClock;

/** The running telephone service: what it consists of, and in which order it comes up and goes down. */
export class Runtime {
  readonly #options: RuntimeOptions;
  readonly #version: string;
  readonly #logger: Logger;
  readonly #startedAtMs = clock.now();
  readonly #store: ConfigurationStore;
  readonly #bindings: BindingStore;
  readonly #location: LocationService;
  readonly #authenticator: Authenticator;
  readonly #sourceLog: SourceLog;
  readonly #calls: CallServer;
  readonly #mediaPorts: { readonly low: number; readonly high: number };
  #stack: SipStack | undefined;
  #media: Promise<MediaClient> | undefined;
  #mediaClient: MediaClient | undefined;
  readonly #web: WebServer[] = [];
  #certificate: ServerCertificate | undefined;
  #control: ControlServer | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: RuntimeOptions, version: string, logger: Logger) {
    this.#options = options;
    this.#version = version;
    this.#logger = logger;
    this.#store = ConfigurationStore.open(options.dataDirectory);
    this.#bindings = BindingStore.open(options.dataDirectory, clock, logger);
    const { portLow, portHigh } = this.#store.current.system.media;
    this.#mediaPorts = options.mediaPorts ?? { low: portLow, high: portHigh };
    this.#location = new LocationService(this.#bindings, clock);
    this.#authenticator = new Authenticator({
      realm: this.#store.realm,
      extensions: { digest: (number) => digestOf(this.#store.current, number) },
      clock,
    });
    this.#sourceLog = new SourceLog(logger, clock);
    this.#calls = new CallServer({
      stack: () => this.#requireStack(),
      media: () => this.#requireMedia(),
      location: this.#location,
      authenticator: this.#authenticator,
      extension: (number) => findExtension(this.#store.current, number),
      clock,
      logger,
      sourceLog: this.#sourceLog,
    });
  }

  /**
   * Brings the service up; when a part cannot come up, those that did go down again. Throws UsageErrors that name the
   * port, address or directory and the cure.
   */
  static async open(options: RuntimeOptions, version: string, logger: Logger): Promise<Runtime> {
    const runtime = new Runtime(options, version, logger);
    try {
      await runtime.#open();
    } catch (error) {
      await runtime.close();
      throw error;
    }
    return runtime;
  }

  /** Calls get their BYE, bindings are kept. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #open(): Promise<void> {
    const { listen, sipPort, advertise } = this.#options;
    const registrar = new Registrar({
      location: this.#location,
      authenticator: this.#authenticator,
      clock,
      logger: this.#logger,
      sourceLog: this.#sourceLog,
    });
    // SIP comes first: phones that could not register try again only much later, files are asked for again at once.
    this.#stack = await SipStack.open({
      listen: listen.flatMap((address): ListenPoint[] => [
        { protocol: 'udp', address, port: sipPort },
        { protocol: 'tcp', address, port: sipPort },
      ]),
      advertise,
      userAgent: `Ringdown/${this.#version}`,
      methods: ['REGISTER'],
      logger: this.#logger,
      sourceLog: this.#sourceLog,
      clock,
      handlers: {
        onRequest: (request) => {
          if (request.message.method !== 'REGISTER') return false;
          registrar.register(request);
          return true;
        },
        onInvite: (invite) => {
          // One address may be open already while another is being opened.
          if (this.#stack === undefined) invite.reject(503, { headers: [['Retry-After', '1']] });
          else this.#calls.invite(invite);
          return true;
        },
      },
    });
    this.#media = MediaClient.start({ ports: this.#mediaPorts, logger: this.#logger, clock });
    // A call that comes before the worker is there waits for it; a failure is told where it is awaited, below.
    this.#media.catch(() => undefined);
    this.#control = await ControlServer.open(this.#options.controlPath, (words) => this.#command(words), this.#logger);
    await this.#openWeb({ http: this.#points(this.#options.httpPort), https: [] });
    this.#mediaClient = await this.#media;
    // The first certificate takes seconds to make on the box: nothing else waits for it.
    await this.#openWithCertificate();
    this.#logger.info({ version: this.#version, listeners: this.#listeners() }, 'ready');
  }

  /** SIP over TLS and HTTPS. Without a certificate the box still telephones, over UDP and TCP. */
  async #openWithCertificate(): Promise<void> {
    const { listen, sipsPort, httpsPort, advertise, dataDirectory } = this.#options;
    let certificate: ServerCertificate;
    try {
      const addresses = [...new Set([...listen, ...advertise.values()])];
      certificate = await ensureCertificate({ directory: dataDirectory, addresses, clock, logger: this.#logger });
    } catch (error) {
      this.#logger.error({ err: error }, 'no certificate: SIP over TLS and HTTPS stay off');
      return;
    }
    const { key, cert } = certificate;
    await this.#requireStack().listen(
      this.#points(sipsPort).map((point) => ({ ...point, protocol: 'tls', tls: { key, cert } })),
    );
    this.#certificate = certificate;
    await this.#openWeb({ http: [], https: this.#points(httpsPort), certificate });
  }

  async #openWeb(points: Pick<WebServerOptions, 'http' | 'https' | 'certificate'>): Promise<void> {
    const files = phoneFiles({
      configuration: () => this.#store.current,
      box: () => ({
        version: this.#version,
        ports: this.#servedPorts(),
        mediaPorts: this.#mediaPorts,
        codecs: CODECS,
      }),
      rootCertificate: () => this.#certificate?.ca,
    });
    const { advertise } = this.#options;
    this.#web.push(
      await WebServer.open({ ...points, files, advertise, clock, logger: this.#logger, sourceLog: this.#sourceLog }),
    );
  }

  #points(port: number): { readonly address: string; readonly port: number }[] {
    return this.#options.listen.map((address) => ({ address, port }));
  }

  #servedPorts(): ServedPorts {
    const { sipPort, sipsPort, httpPort, httpsPort } = this.#options;
    const plain = { sipUdp: sipPort, sipTcp: sipPort, http: httpPort };
    return this.#certificate !== undefined ? { ...plain, sipTls: sipsPort, https: httpsPort } : plain;
  }

  async #close(): Promise<void> {
    await this.#control?.close();
    await Promise.all(this.#web.map((web) => web.close()));
    this.#calls.shutDown();
    await this.#stack?.close();
    const media = await this.#media?.catch(() => undefined);
    await media?.close();
    this.#location.close();
    this.#bindings.close();
    this.#store.close();
  }

  #requireStack(): SipStack {
    if (this.#stack === undefined) throw new Error('a call came before SIP was open');
    return this.#stack;
  }

  #requireMedia(): Promise<MediaClient> {
    if (this.#media === undefined) throw new Error('a call came before the media worker was started');
    return this.#media;
  }

  /** One command of the console. The words are a technician's: mistakes are answered, not thrown. */
  async #command(words: readonly string[]): Promise<CommandResult> {
    let output = '';
    let errors = '';
    const collect = (take: (text: string) => void): Writable =>
      new Writable({
        write: (chunk, _encoding, done) => {
          take(String(chunk));
          done();
        },
      });
    const sink = collect((text) => {
      output += text;
    });
    const errorSink = collect((text) => {
      errors += text;
    });
    const program = new Command('').helpCommand(false);
    program.addCommand(statusCommand(() => this.#status(), sink));
    const context = this.#consoleContext(sink, errorSink);
    program.addCommand(extensionCommand(context));
    program.addCommand(configCommand(context));
    for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]) {
      command.exitOverride().configureOutput({
        writeOut: (text) => {
          output += text;
        },
        writeErr: (text) => {
          errors += text;
        },
      });
    }
    try {
      await program.parseAsync(words, { from: 'user' });
      return { status: 0, output, errors };
    } catch (error) {
      if (error instanceof CommanderError) return { status: error.exitCode === 0 ? 0 : 2, output, errors };
      if (!(error instanceof RingdownError)) throw error;
      return { status: 1, output, errors: `${errors}${error.message}. ${error.cure}\n` };
    }
  }

  #consoleContext(output: Writable, errors: Writable): CommandContext {
    return {
      input: Readable.from([]),
      output,
      errors,
      author: { who: 'admin', origin: 'console' },
      runtime: { store: this.#store, dataDirectory: this.#options.dataDirectory },
    };
  }

  #status(): RuntimeStatus {
    const now = clock.now();
    const seconds = (sinceMs: number) => Math.max(0, Math.floor((now - sinceMs) / 1000));
    return {
      version: this.#version,
      uptimeSeconds: seconds(this.#startedAtMs),
      listeners: this.#listeners(),
      devices: [...this.#location.entries()].flatMap(([extension, bindings]) =>
        bindings.map(({ flow, expiresAtMs, userAgent }) => ({
          extension,
          via: `${flow.protocol} ${hostPort(flow.remoteAddress, flow.remotePort)}`,
          expiresInSeconds: Math.ceil((expiresAtMs - now) / 1000),
          ...(userAgent === undefined ? {} : { userAgent }),
        })),
      ),
      calls: [...this.#calls.calls].map((call) => ({ ...call.summary, seconds: seconds(call.startedAtMs) })),
      media: { state: this.#mediaClient?.state ?? 'starting', sessions: this.#mediaClient?.sessionCount ?? 0 },
    };
  }

  #listeners(): readonly string[] {
    const sip = this.#stack?.listening ?? [];
    const web = this.#web.flatMap(({ addresses }) => addresses);
    return [...sip, ...web].map(({ protocol, address, port }) => `${protocol} ${hostPort(address, port)}`);
  }
}

function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

import { join } from 'node:path';
import type { Command } from 'commander';
import { AppliedConfiguration } from './applied-configuration.ts';
import { summaryOf } from './call/call-summary.ts';
import { CallHistory } from './call/history/call-history.ts';
import { CallStore } from './call/history/call-store.ts';
import { MessageStore } from './call/mailbox/message-store.ts';
import { Backups } from './config/backups.ts';
import { BindingStore } from './config/binding-store.ts';
import type { ConfigurationStore } from './config/configuration-store.ts';
import { DailyBackup } from './config/daily-backup.ts';
import { openOrRecover } from './config/recovery.ts';
import type { Configuration } from './config/schema/configuration.ts';
import { BoxKey } from './config/secrets/box-key.ts';
import { backupCommand } from './console/commands/backup.ts';
import { callCommand } from './console/commands/call.ts';
import { callsCommand } from './console/commands/calls.ts';
import { configCommand } from './console/commands/config.ts';
import type { CommandContext } from './console/commands/context.ts';
import { defenceCommand } from './console/commands/defence.ts';
import { devicesCommand } from './console/commands/devices.ts';
import { extensionCommand } from './console/commands/extension.ts';
import { groupsCommand } from './console/commands/groups.ts';
import { linesCommand } from './console/commands/lines.ts';
import { mailboxCommand } from './console/commands/mailbox.ts';
import { noticesCommand } from './console/commands/notices.ts';
import { settingsCommand } from './console/commands/settings.ts';
import { addFileCommands } from './console/commands/settings-files.ts';
import { addRequestsCommand } from './console/commands/settings-requests.ts';
import { type RuntimeStatus, statusCommand } from './console/commands/status.ts';
import { traceCommand } from './console/commands/trace.ts';
import { usersCommand } from './console/commands/users.ts';
import {
  type CommandResult,
  ControlServer,
  type LiveOutput,
  noteControlPath,
  refuseSecondRuntime,
} from './console/control.ts';
import { runWords } from './console/run-words.ts';
import { pendingTimers, systemClock } from './core/clock.ts';
import { type Logger, SourceLog } from './core/logger.ts';
import { oncePerTurn } from './core/once-per-turn.ts';
import { openFiles } from './core/open-files.ts';
import { Listeners, type SipPorts } from './listeners.ts';
import { MediaClient } from './media/client.ts';
import { isForPhones } from './phones/http-clients.ts';
import type { MakePhoneFile } from './phones/phone-file.ts';
import { generatedPhoneFiles } from './phones/phone-files.ts';
import { RenderedFiles } from './phones/rendered-files.ts';
import { RequestLog } from './phones/request-log.ts';
import type { ServedPorts } from './phones/settings-input.ts';
import { phoneFiles, StaticPhoneFiles } from './phones/static-files.ts';
import { registeredDevices } from './registered-devices.ts';
import { Signalling } from './signalling.ts';
import { ensureCertificate } from './system/certificates.ts';
import { NetworkPipe } from './system/network.ts';
import { watchMessages } from './watched-messages.ts';
import { ControlService } from './web/control/control-service.ts';
import { WebServer } from './web/server.ts';

export interface RuntimeOptions {
  readonly dataDirectory: string;
  /** IPv4 and IPv6 addresses of this machine that are served as long as the runtime runs. */
  readonly listen: readonly string[];
  /** Folder with a file of addresses for each LAN, which are served while they stand there. */
  readonly networkDirectory?: string;
  /** Pipe of the service that sets the addresses of the LANs. */
  readonly networkControlPath?: string;
  /** Of SIP over UDP and TCP; those of the configuration unless given. */
  readonly sipPort?: number;
  /** Of SIP over TLS; the same. */
  readonly sipsPort?: number;
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Served as well where the configuration says so. */
  readonly phoneHttpPort: number;
  readonly phoneHttpsPort: number;
  /** UDP ports, both ends included; those of the configuration unless given. */
  readonly mediaPorts?: { readonly low: number; readonly high: number };
  /** From a local address to the one that peers beyond a port forward see. */
  readonly advertise: ReadonlyMap<string, string>;
  readonly controlPath: string;
}

const clock = systemClock;

/** In the data directory: music and announcements of one's own. */
const SOUNDS = 'sounds';

/** The running telephone service: what it consists of, and in which order it comes up and goes down. */
export class Runtime {
  readonly #options: RuntimeOptions;
  readonly #version: string;
  readonly #logger: Logger;
  readonly #startedAtMs = clock.now();
  readonly #store: ConfigurationStore;
  readonly #bindings: BindingStore;
  readonly #sourceLog: SourceLog;
  readonly #requestLog = new RequestLog(clock);
  readonly #staticFiles: StaticPhoneFiles;
  readonly #generated: MakePhoneFile;
  #mediaPorts: { readonly low: number; readonly high: number };
  readonly #applied: AppliedConfiguration;
  #signalling: Signalling | undefined;
  #callStore: CallStore | undefined;
  #messages: MessageStore | undefined;
  #media: Promise<MediaClient> | undefined;
  #mediaClient: MediaClient | undefined;
  #web: WebServer | undefined;
  #clients: ControlService | undefined;
  #listeners: Listeners | undefined;
  #control: ControlServer | undefined;
  #dailyBackup: DailyBackup | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: RuntimeOptions, version: string, logger: Logger) {
    this.#options = options;
    this.#version = version;
    this.#logger = logger;
    this.#store = openOrRecover(options.dataDirectory, {
      logger,
      onError: (error) => logger.error({ err: error }, 'the configuration could not be applied'),
    });
    this.#bindings = BindingStore.open(options.dataDirectory, clock, logger);
    const { portLow, portHigh } = this.#store.current.system.media;
    this.#mediaPorts = options.mediaPorts ?? { low: portLow, high: portHigh };
    this.#sourceLog = new SourceLog(logger, clock);
    this.#staticFiles = new StaticPhoneFiles(options.dataDirectory, logger);
    this.#generated = generatedPhoneFiles({
      configuration: () => this.#store.current,
      box: () => ({
        version,
        ports: this.#servedPorts(),
        mediaPorts: this.#mediaPorts,
        year: thisYear(),
      }),
      rootCertificate: () => this.#listeners?.certificate?.ca,
    });
    const { networkControlPath } = options;
    this.#applied = new AppliedConfiguration({
      store: this.#store,
      network: networkControlPath === undefined ? undefined : new NetworkPipe(networkControlPath),
      useMediaPorts: (ports) => this.#useMediaPorts(ports),
      useMediaThreads: (threads) => this.#mediaClient?.useThreads(threads),
      forgetDevices: (extension) => void this.#signalling?.registrar.forget(extension, 'deactivated'),
      endSubscriptions: (extension) => this.#signalling?.endSubscriptions(extension),
      recheckDevices: () => this.#signalling?.registrar.recheck(),
      recheckLamps: () => this.#signalling?.recheckLamps(),
      recheckUsers: (gone) => {
        this.#signalling?.recheckUsers(gone);
        // Whoever has the number next must not hear them.
        for (const user of gone) this.#messages?.deleteAll(user);
      },
      forgetMailboxes: (gone) => {
        for (const group of gone) this.#messages?.deleteAll(group);
      },
      useSipPorts: () => this.#listeners?.useSipPorts(this.#configuredSipPorts()),
      usePhonePorts: (isOn) => this.#listeners?.usePhonePorts(isOn),
      useHostNames: () => void this.#listeners?.useHostNames(),
      clock,
      logger,
    });
  }

  /**
   * Brings the service up; when a part cannot come up, those that did go down again. Throws UsageErrors that name the
   * port, address or directory and the cure.
   */
  static async open(options: RuntimeOptions, version: string, logger: Logger): Promise<Runtime> {
    // A recovery would pull the database from under the other one.
    await refuseSecondRuntime(options.controlPath, options.dataDirectory);
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
    this.#signalling = await Signalling.open({
      store: this.#store,
      bindings: this.#bindings,
      media: () => this.#media,
      mailboxes: () => this.#messages,
      advertise: this.#options.advertise,
      lanOf: (address) => this.#listeners?.lanOf(address),
      boxKey: () => BoxKey.open(this.#options.dataDirectory),
      version: this.#version,
      clock,
      logger: this.#logger,
      sourceLog: this.#sourceLog,
    });
    this.#clients = new ControlService({
      ...this.#signalling.control,
      presences: this.#signalling.presences,
      feed: this.#store.feed,
      clock,
      logger: this.#logger,
      sourceLog: this.#sourceLog,
    });
    this.#web = await this.#openWeb(this.#clients);
    const listeners = this.#openListeners(this.#signalling, this.#web);
    // SIP comes first: phones that could not register try again only much later, files are asked for again at once.
    await listeners.serve('sip');
    this.#signalling.openLines(this.#store);
    this.#applied.start();
    this.#openCallStore(this.#signalling);
    this.#openMessages(this.#signalling);
    this.#media = MediaClient.start({
      ports: this.#mediaPorts,
      threads: this.#store.current.system.media.threads,
      sounds: join(this.#options.dataDirectory, SOUNDS),
      logger: this.#logger,
      clock,
    });
    // A call that comes before the worker is there waits for it; a failure is told where it is awaited, below.
    this.#media.catch(() => undefined);
    this.#control = await ControlServer.open(
      this.#options.controlPath,
      (words, input, live) => this.#command(words, input, live),
      this.#logger,
    );
    noteControlPath(this.#options.dataDirectory, this.#options.controlPath);
    await listeners.serve('http');
    this.#mediaClient = await this.#media;
    // An edit may have come while the worker started.
    this.#mediaClient.usePorts(this.#mediaPorts);
    this.#mediaClient.useThreads(this.#store.current.system.media.threads);
    // The first certificate takes seconds to make on the box: nothing else waits for it.
    await listeners.serveSecurely();
    this.#dailyBackup = new DailyBackup({
      store: this.#store,
      backups: new Backups(this.#options.dataDirectory, { productVersion: this.#version }),
      logger: this.#logger,
    });
    this.#logger.info({ version: this.#version, listeners: this.#listening() }, 'ready');
  }

  /** Without it the box can do what it is for: a call needs no record. */
  #openCallStore({ feed }: Signalling): void {
    try {
      const store = CallStore.open({
        directory: this.#options.dataDirectory,
        retention: () => this.#store.current.system.calls,
        clock,
        logger: this.#logger,
      });
      this.#callStore = store;
      const history = new CallHistory(store);
      feed.subscribe((event) => history.take(event));
    } catch (error) {
      this.#logger.error({ err: error }, 'there will be no call records');
    }
  }

  /** Nor does it need voicemail. */
  #openMessages(signalling: Signalling): void {
    const { dataDirectory } = this.#options;
    try {
      const messages = MessageStore.open({
        directory: dataDirectory,
        files: join(dataDirectory, SOUNDS, 'mailbox'),
        limits: () => this.#store.current.system.voicemail,
        clock,
        logger: this.#logger,
      });
      this.#messages = messages;
      messages.onChange((user) => signalling.mailboxChanged(user));
    } catch (error) {
      this.#logger.error({ err: error }, 'there will be no voicemail');
    }
  }

  #openListeners({ stack, calls }: Signalling, web: WebServer): Listeners {
    const { listen, networkDirectory, advertise, dataDirectory, ...options } = this.#options;
    const logger = this.#logger;
    this.#listeners = new Listeners({
      stack,
      web,
      fixed: listen,
      networkDirectory,
      ports: {
        http: options.httpPort,
        https: options.httpsPort,
        phoneHttp: options.phoneHttpPort,
        phoneHttps: options.phoneHttpsPort,
      },
      sipPorts: this.#configuredSipPorts(),
      hostNames: () => hostNamesOf(this.#store.current),
      certificate: (addresses, names) =>
        ensureCertificate({
          directory: dataDirectory,
          addresses: [...new Set([...addresses, ...advertise.values()])],
          ...(names.length === 0 ? {} : { names }),
          clock,
          logger,
        }),
      onLeaving: (addresses) => calls.leave(addresses),
      clock,
      logger,
    });
    this.#listeners.usePhonePorts(this.#store.current.system.http.preferredPhonePorts);
    return this.#listeners;
  }

  #openWeb(upgrade: ControlService): Promise<WebServer> {
    // Each look at the configuration asks the database whether another process edited it.
    const configuration = oncePerTurn(() => this.#store.current);
    const rendered = new RenderedFiles({
      make: this.#generated,
      basis: () => {
        const { certificate, servedSipPorts } = this.#listeners ?? {};
        return [configuration(), certificate, servedSipPorts, this.#mediaPorts, thisYear()];
      },
    });
    return WebServer.open({
      upgrade,
      makeFile: phoneFiles({ generated: (request) => rendered.make(request), staticFiles: this.#staticFiles }),
      isAdmitted: (userAgent, name) => !configuration().system.http.avayaClientsOnly || isForPhones(userAgent, name),
      lanOf: (address) => this.#listeners?.lanOf(address),
      advertise: this.#options.advertise,
      requestLog: this.#requestLog,
      clock,
      logger: this.#logger,
      sourceLog: this.#sourceLog,
    });
  }

  /** Those of the command line outrank those of the configuration. */
  #useMediaPorts(ports: { readonly low: number; readonly high: number }): void {
    if (this.#options.mediaPorts !== undefined) return;
    this.#mediaPorts = ports;
    this.#mediaClient?.usePorts(ports);
  }

  /** The ports of the command line outrank those of the configuration, which says what is in use. */
  #configuredSipPorts(): SipPorts {
    const { sipPort, sipsPort } = this.#options;
    const { udp, tcp, tls, webSocket, secureWebSocket } = this.#store.current.system.sip;
    return {
      ...(udp.enabled ? { udp: sipPort ?? udp.port } : {}),
      ...(tcp.enabled ? { tcp: sipPort ?? tcp.port } : {}),
      ...(tls.enabled ? { tls: sipsPort ?? tls.port } : {}),
      ...(webSocket.enabled ? { ws: webSocket.port } : {}),
      ...(secureWebSocket.enabled ? { wss: secureWebSocket.port } : {}),
    };
  }

  #servedPorts(): ServedPorts {
    const { httpPort, httpsPort, phoneHttpPort, phoneHttpsPort } = this.#options;
    const { preferredPhonePorts } = this.#store.current.system.http;
    const { certificate, servedSipPorts: sip } = this.#listeners ?? {};
    return {
      ...(sip?.udp === undefined ? {} : { sipUdp: sip.udp }),
      ...(sip?.tcp === undefined ? {} : { sipTcp: sip.tcp }),
      ...(sip?.tls === undefined ? {} : { sipTls: sip.tls }),
      http: preferredPhonePorts ? phoneHttpPort : httpPort,
      ...(certificate === undefined ? {} : { https: preferredPhonePorts ? phoneHttpsPort : httpsPort }),
    };
  }

  async #close(): Promise<void> {
    this.#applied.close();
    await this.#control?.close();
    await this.#listeners?.close();
    this.#clients?.close();
    await this.#web?.close();
    await this.#signalling?.close();
    const media = await this.#media?.catch(() => undefined);
    await media?.close();
    this.#messages?.close();
    this.#callStore?.close();
    this.#bindings.close();
    await this.#dailyBackup?.close();
    this.#store.close();
  }

  #command(words: readonly string[], input: string, live?: LiveOutput): Promise<CommandResult> {
    const runtime = { store: this.#store, dataDirectory: this.#options.dataDirectory };
    const commands = (context: CommandContext): readonly Command[] => [
      statusCommand(() => this.#status(), context.output),
      noticesCommand(context),
      extensionCommand(context),
      usersCommand(context),
      configCommand(context),
      backupCommand(context),
      this.#settingsCommand(context),
      ...(this.#messages === undefined ? [] : [mailboxCommand(context, this.#messages)]),
      ...(this.#callStore === undefined ? [] : [callsCommand(context, this.#callStore.reader)]),
      ...(this.#signalling === undefined
        ? []
        : [
            devicesCommand(context, registeredDevices(this.#signalling, clock)),
            groupsCommand(context, this.#signalling.groups),
            linesCommand(context, this.#signalling.lines),
            callCommand(context, this.#signalling.calls.state),
            defenceCommand(context, this.#signalling.defence.admission),
            traceCommand(context, watchMessages(this.#signalling.trace)),
          ]),
    ];
    return runWords(words, input, runtime, commands, live);
  }

  #settingsCommand(context: CommandContext): Command {
    const command = addFileCommands(settingsCommand(context), context, this.#generated);
    return addRequestsCommand(command, context, (limit) => this.#requestLog.latest(limit));
  }

  #status(): RuntimeStatus {
    const now = clock.now();
    const seconds = (sinceMs: number) => Math.max(0, Math.floor((now - sinceMs) / 1000));
    return {
      version: this.#version,
      name: this.#store.current.system.name,
      revision: this.#store.revision,
      uptimeSeconds: seconds(this.#startedAtMs),
      notices: this.#store.notices.list(),
      listeners: this.#listening(),
      lines: this.#signalling?.lines.list() ?? [],
      devices: this.#signalling === undefined ? [] : registeredDevices(this.#signalling, clock).list(),
      calls: [...(this.#signalling?.calls.calls ?? [])].map((call) => ({
        ...summaryOf(call),
        seconds: seconds(call.startedAtMs),
      })),
      held: {
        legs: [...(this.#signalling?.calls.calls ?? [])].reduce((sum, { legs }) => sum + legs.size, 0),
        sipSessions: this.#signalling?.stack.held.sessions ?? 0,
        transactions: this.#signalling?.stack.held.transactions ?? 0,
        timers: pendingTimers(),
        files: openFiles(),
      },
      media: { state: this.#mediaClient?.state ?? 'starting', sessions: this.#mediaClient?.sessionCount ?? 0 },
    };
  }

  #listening(): readonly string[] {
    const sip = this.#signalling?.stack.listening ?? [];
    const web = this.#web?.addresses ?? [];
    return [...sip, ...web].map(({ protocol, address, port }) => `${protocol} ${hostPort(address, port)}`);
  }
}

/** As clients are told them, each once. */
function hostNamesOf({ lan1, lan2 }: Configuration): readonly string[] {
  return [...new Set([lan1.registrarFqdn, lan2.registrarFqdn].map((name) => name.toLowerCase()))].filter(
    (name) => name !== '',
  );
}

/** Which rules of daylight saving hold. */
function thisYear(): number {
  return new Date(clock.now()).getUTCFullYear();
}

function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

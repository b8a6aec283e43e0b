import { CallServer } from './call/call-server.ts';
import { AbandonedHolds } from './call/control/abandoned-holds.ts';
import type { ClientControlOptions } from './call/control/client-control.ts';
import { OtherPhones } from './call/control/other-phones.ts';
import { PhonesCalledAnew } from './call/control/phones-called-anew.ts';
import { registerFeatures } from './call/feature/features.ts';
import { RecordCall } from './call/feature/record-call.ts';
import { Groups } from './call/group/groups.ts';
import { CallFeed } from './call/history/call-feed.ts';
import { DialogEvents } from './call/history/dialog-events.ts';
import { UserPresences } from './call/history/user-presence.ts';
import { lineMediaSettings, mediaSettings } from './call/leg/media-settings.ts';
import { FullMailboxes } from './call/mailbox/full-mailboxes.ts';
import { MailboxCalls } from './call/mailbox/mailbox-calls.ts';
import { MailboxPins } from './call/mailbox/mailbox-pins.ts';
import { MailboxRunner } from './call/mailbox/mailbox-runner.ts';
import type { MessageStore } from './call/mailbox/message-store.ts';
import { dialPlanOf } from './call/routing/dial-plan.ts';
import { numberingOfLine, readNumber } from './call/routing/numbering.ts';
import { routeCall, routeToMember } from './call/routing/route.ts';
import type { BindingStore } from './config/binding-store.ts';
import type { ConfigurationStore } from './config/configuration-store.ts';
import { digestOf } from './config/extension.ts';
import { isRemoteClient } from './config/remote-client.ts';
import type { Configuration } from './config/schema/configuration.ts';
import type { BoxKey } from './config/secrets/box-key.ts';
import type { Clock } from './core/clock.ts';
import type { Logger, SourceLog } from './core/logger.ts';
import { oncePerTurn } from './core/once-per-turn.ts';
import { Defence } from './defence.ts';
import type { MediaClient } from './media/client.ts';
import { Access } from './registrar/access.ts';
import { Authenticator } from './registrar/authenticator.ts';
import { AutoCreation } from './registrar/auto-creation.ts';
import { ClientLogin } from './registrar/client-login.ts';
import { Gruus } from './registrar/gruu.ts';
import { KeepAlive } from './registrar/keep-alive.ts';
import { LocationService } from './registrar/location.ts';
import { messageSummary } from './registrar/message-summary.ts';
import { authenticateSubscriber, authorizeOwn } from './registrar/own-subscription.ts';
import { Registrar } from './registrar/registrar.ts';
import { RegistrationEvents } from './registrar/registration-events.ts';
import { type IncomingRequest, MessageTrace, SipStack } from './sip/stack.ts';
import { Lines } from './trunk/lines.ts';

export interface SignallingOptions {
  readonly store: ConfigurationStore;
  readonly bindings: BindingStore;
  /** Undefined until the media worker is being started: until then no call is taken. */
  readonly media: () => Promise<MediaClient> | undefined;
  /** What secrets of the configuration are encrypted with. */
  readonly boxKey: () => BoxKey;
  /** Undefined where there are no voice messages, or not yet. */
  readonly mailboxes: () => MessageStore | undefined;
  /** From a local address to the one that peers beyond a port forward see. */
  readonly advertise: ReadonlyMap<string, string>;
  /** The LAN of an address of ours; undefined where it is of neither. */
  readonly lanOf: (address: string) => 'lan1' | 'lan2' | undefined;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sourceLog: SourceLog;
}

interface Watched {
  readonly feed: CallFeed;
  readonly presences: UserPresences;
  readonly lamps: DialogEvents;
  readonly mailboxCalls: MailboxCalls;
  /** Of a user. */
  readonly extensionsOf: (user: string) => readonly string[];
  readonly groups: Groups;
  readonly control: ClientControlOptions & { readonly login: ClientLogin };
}

/** The SIP stack and what stands on it: who registers, and the calls. */
export class Signalling {
  readonly stack: SipStack;
  readonly location: LocationService;
  readonly registrar: Registrar;
  readonly calls: CallServer;
  readonly groups: Groups;
  readonly lines: Lines;
  readonly defence: Defence;
  readonly trace: MessageTrace;
  /** What becomes of calls. */
  readonly feed: CallFeed;
  readonly presences: UserPresences;
  /** What clients that direct telephones need. */
  readonly control: Watched['control'];
  readonly #lamps: DialogEvents;
  readonly #mailboxCalls: MailboxCalls;
  readonly #extensionsOf: (user: string) => readonly string[];
  /** What has timers, and nothing else to end. */
  readonly #timed: readonly { close(): void }[];

  private constructor(
    stack: SipStack,
    location: LocationService,
    registrar: Registrar,
    calls: CallServer,
    lines: Lines,
    defence: Defence,
    trace: MessageTrace,
    { feed, presences, lamps, mailboxCalls, extensionsOf, groups, control }: Watched,
    timed: readonly { close(): void }[],
  ) {
    this.stack = stack;
    this.location = location;
    this.registrar = registrar;
    this.calls = calls;
    this.groups = groups;
    this.lines = lines;
    this.defence = defence;
    this.trace = trace;
    this.feed = feed;
    this.presences = presences;
    this.control = control;
    this.#lamps = lamps;
    this.#mailboxCalls = mailboxCalls;
    this.#extensionsOf = extensionsOf;
    this.#timed = timed;
  }

  /** Listens nowhere yet: that is for `listeners.ts`. */
  static async open(options: SignallingOptions): Promise<Signalling> {
    const { store, bindings, media, clock, logger, sourceLog } = options;
    const location: LocationService = new LocationService(bindings, clock, (aor, ended) => {
      registrations.take(aor, ended);
      stack.notify(registrations.event, aor);
      groups.look();
    });
    const defence = new Defence({ store, location, clock, logger, sourceLog });
    const trace = new MessageTrace(clock);
    // Each look at the configuration asks the database whether another process edited it.
    const configuration = oncePerTurn(() => store.current);
    const access = new Access(configuration, options.lanOf);
    const newcomers = new AutoCreation({ store, configuration, boxKey: options.boxKey, clock, logger });
    const authenticator = new Authenticator({
      realm: store.realm,
      extensions: { digest: (number) => digestOf(configuration(), number) },
      access,
      newcomers,
      challengeExpirySeconds: () => configuration().system.sip.challengeExpirySeconds,
      clock,
      guard: defence.logins,
    });
    const domain = () => domainOf(configuration());
    const authorize = (request: IncomingRequest) => authorizeOwn(request, authenticator, sourceLog);
    const registrations = new RegistrationEvents({
      authorize,
      bindings: (aor) => location.lookup(aor),
      domain,
      clock,
    });
    const messages = messageSummary({
      authorize,
      mailbox: (extension) => {
        const user = userOf(configuration(), extension);
        const isOn = user !== undefined && configuration().users[user]?.voicemail.enabled === true;
        return isOn ? options.mailboxes()?.counts(user) : undefined;
      },
      domain,
    });
    const report = (error: unknown) => logger.error({ err: error }, 'an event of a call was not taken');
    const feed = new CallFeed(report);
    const presences = new UserPresences({
      users: () => Object.keys(configuration().users),
      doesNotDisturb: (user) => configuration().users[user]?.doNotDisturb.enabled === true,
      now: () => clock.now(),
      report,
    });
    feed.subscribe((event) => presences.take(event));
    const lamps: DialogEvents = new DialogEvents({
      presences,
      authenticate: (request) => authenticateSubscriber(request, authenticator, sourceLog),
      userOf: (number) => userOf(configuration(), number),
      policy: () => configuration().system.lamps,
      domain,
      notify: (resource) => stack.notify(lamps.event, resource),
      clock,
    });
    const gruus = new Gruus(bindings.key);
    const registrar = new Registrar({
      location,
      authenticator,
      access,
      gruus,
      newcomers,
      configuration,
      clock,
      logger,
      sourceLog,
    });
    const lines = new Lines({
      configuration,
      stack: () => stack,
      openSecret: (path, sealed) => options.boxKey().open(path, sealed),
      key: bindings.key,
      onNotice: (code, message) => noteInStore(store, code, message, logger),
      onPeer: (flow, line) => defence.admission.know(flow, 'login', `line ${line}`),
      isDevices: (flow) => location.isReachedBy(flow),
      readNumber: (number, plan) => {
        const { numbering } = dialPlanOf(configuration(), undefined);
        const { e164, range } = readNumber(number, numberingOfLine(numbering, plan));
        return { e164, isAbroad: range === 'international' };
      },
      clock,
      logger,
    });
    const calls: CallServer = new CallServer({
      stack: () => stack,
      media: () => media() ?? Promise.reject(new Error('a call came before the media worker was started')),
      location,
      authenticator,
      gruus,
      lines,
      feed,
      configuration,
      route: routeCall,
      mediaSettings: (number) => mediaSettings(configuration(), number),
      lineSettings: (abilities) => lineMediaSettings(configuration(), abilities),
      silenceSeconds: () => configuration().system.media.timeoutSeconds,
      mayBeDirect: (flows) => {
        const { current } = store;
        // Beyond a port forward, or outside of the office, phones do not reach each other.
        const isInside = flows.every(
          ({ localAddress, remoteAddress }) =>
            !options.advertise.has(localAddress) && !isRemoteClient(remoteAddress, current),
        );
        return current.system.media.directMedia && isInside;
      },
      clock,
      logger,
      sourceLog,
    });
    const onNotice = (code: string, message: string): void => noteInStore(store, code, message, logger);
    const features = registerFeatures({
      calls,
      store,
      onNotice,
      configuration,
      authenticate: (request) => authenticateSubscriber(request, authenticator, sourceLog),
      domain,
      clock,
      logger,
    });
    const groups: Groups = new Groups({
      configuration,
      state: () => calls.state.atOnce(),
      routeToMember,
      runners: calls.runners,
      legs: () => calls.legs(),
      clock,
    });
    calls.runners.register('hunt', groups);
    calls.state.waitingIn = (number) => groups.waitingIn(number);
    feed.subscribe(groups.look);
    const full = new FullMailboxes({ onNotice, clock });
    calls.runners.register(
      'mailbox',
      new MailboxRunner({
        mailboxes: options.mailboxes,
        pins: new MailboxPins(store, clock, logger),
        configuration,
        route: (caller, dialled) => calls.plan(caller, dialled).step,
        onFull: (mailbox) => full.turnedAway(mailbox),
        clock,
        logger,
      }),
    );
    const stack: SipStack = await SipStack.open({
      listen: [],
      advertise: options.advertise,
      userAgent: `Ringdown/${options.version}`,
      methods: ['REGISTER'],
      eventPackages: [registrations, messages, lamps, ...features.eventPackages],
      supported: ['replaces'],
      understood: ['path', 'outbound', 'gruu'],
      logger,
      sourceLog,
      admission: defence.admission,
      trace,
      clock,
      handlers: {
        onRequest: (request) => {
          if (request.message.method !== 'REGISTER') return false;
          registrar.register(request);
          return true;
        },
        onInvite: (invite) => {
          // One address may be open already while another is being opened.
          if (media() === undefined) invite.refuse(503, { headers: [['Retry-After', '1']] });
          else calls.invite(invite);
          return true;
        },
        onRefer: (refer) => features.refer(refer),
      },
    });
    const keepAlive = new KeepAlive({
      location,
      ask: (extension, { flow, contact }) => {
        const address = stack.advertisedAddress(flow.localAddress);
        const own = `sip:${extension}@${address.includes(':') ? `[${address}]` : address}`;
        return stack.request({ method: 'OPTIONS', flow, requestUri: contact, from: { uri: own }, to: { uri: own } });
      },
      clock,
    });
    const extensionsOf = (user: string) => {
      const { extensions } = configuration();
      return Object.keys(extensions).filter((number) => userOf(configuration(), number) === user);
    };
    const { mailboxes } = options;
    new RecordCall({ calls, mailboxes, configuration, clock, logger }).register();
    const mailboxCalls = new MailboxCalls({ calls, mailboxes, presences, configuration, clock, logger });
    presences.subscribe(({ user, state }) => {
      if (state === 'idle') mailboxCalls.look(user);
    });
    const otherPhones = new OtherPhones();
    calls.state.otherPhoneOf = (user) => otherPhones.of(user);
    const login = new ClientLogin({
      realm: store.realm,
      digest: (number) => digestOf(configuration(), number),
      access,
      guard: defence.logins,
      isBlocked: (flow, user) => defence.admission.isBlocked(flow, user),
      clock,
    });
    const { transfers, conferences } = features;
    const calledAnew = new PhonesCalledAnew();
    const holds = new AbandonedHolds({ calls, clock, logger });
    const control = { calls, transfers, conferences, otherPhones, calledAnew, holds, configuration, login };
    const watched = { feed, presences, lamps, mailboxCalls, extensionsOf, groups, control };
    const timed = [features, keepAlive, newcomers, mailboxCalls, holds];
    return new Signalling(stack, location, registrar, calls, lines, defence, trace, watched, timed);
  }

  /** Registers the lines, and follows their configuration. To be called once SIP is served. */
  openLines(store: ConfigurationStore): void {
    const trust = (certificates: Configuration['certificates']): void =>
      this.stack.trust(Object.values(certificates).map(({ pem }) => pem));
    store.feed.watch(({ certificates }) => certificates, trust);
    store.feed.watch(
      ({ lines }) => lines,
      (lines) => this.lines.apply(lines),
    );
    store.feed.subscribe(this.groups.look);
    store.feed.watch(
      ({ system }) => system.media.timeoutSeconds,
      () => this.calls.watchAnew(),
    );
    trust(store.current.certificates);
    this.lines.apply(store.current.lines);
  }

  /** An extension is gone, or may no longer be used: nobody follows it any more. */
  endSubscriptions(extension: string): void {
    for (const event of ['reg', 'message-summary']) this.stack.endSubscriptions(event, extension, 'rejected');
  }

  /** Who may watch whom is something else now: the watchers subscribe anew, and are asked who they are. */
  recheckLamps(): void {
    for (const { user } of this.presences.snapshot()) {
      for (const resource of this.#lamps.resourcesOf(user)) {
        this.stack.endSubscriptions(this.#lamps.event, resource, 'deactivated');
      }
    }
  }

  /** What is in the mailbox of a user is something else. */
  mailboxChanged(user: string): void {
    this.#mailboxCalls.look(user);
    for (const extension of this.#extensionsOf(user)) this.stack.notify('message-summary', extension);
  }

  /** The users are others, or otherwise; nobody watches those who are `gone` any more. */
  recheckUsers(gone: readonly string[]): void {
    this.presences.recheck();
    for (const { user } of this.presences.snapshot()) this.mailboxChanged(user);
    for (const resource of gone.flatMap((user) => this.#lamps.resourcesOf(user))) {
      this.stack.endSubscriptions(this.#lamps.event, resource, 'noresource');
    }
  }

  /** Ends the calls, then the stack. Bindings are kept. Idempotent. */
  async close(): Promise<void> {
    for (const each of this.#timed) each.close();
    this.calls.shutDown();
    await this.lines.close();
    await this.stack.close();
    this.defence.close();
    this.location.close();
  }
}

/** Of an extension, or of a user's own number. */
function userOf({ extensions, users }: Configuration, number: string): string | undefined {
  const user = Object.hasOwn(extensions, number) ? (extensions[number]?.user ?? number) : number;
  return Object.hasOwn(users, user) ? user : undefined;
}

/** A full disk keeps no line from working. */
function noteInStore(store: ConfigurationStore, code: string, message: string, logger: Logger): void {
  logger.warn({ code }, message);
  try {
    store.notices.add(code, message);
  } catch (error) {
    logger.error({ err: error, code }, 'a notice could not be kept');
  }
}

/** What stands behind the `@` of an extension where nobody asked by another name. */
function domainOf({ system, lan1 }: Configuration): string {
  const host = system.sip.domain === '' ? lan1.ipv4.address : system.sip.domain;
  return host.includes(':') ? `[${host}]` : host;
}

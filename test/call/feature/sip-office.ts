import t, { type Test } from 'tap';
import { CallServer } from '../../../firmware/call/call-server.ts';
import { type Features, registerFeatures } from '../../../firmware/call/feature/features.ts';
import type { CallEvent } from '../../../firmware/call/history/call-event.ts';
import { UserPresences } from '../../../firmware/call/history/user-presence.ts';
import { NO_LINES, type OutsideLines } from '../../../firmware/call/outside.ts';
import { routeCall } from '../../../firmware/call/routing/route.ts';
import type { Edit } from '../../../firmware/config/configuration-store.ts';
import type { Configuration } from '../../../firmware/config/schema/configuration.ts';
import { validate } from '../../../firmware/config/validation/validate.ts';
import { type Clock, systemClock } from '../../../firmware/core/clock.ts';
import { createLogger, SourceLog } from '../../../firmware/core/logger.ts';
import type { Authenticator } from '../../../firmware/registrar/authenticator.ts';
import type { Binding } from '../../../firmware/registrar/binding.ts';
import type { LocationService } from '../../../firmware/registrar/location.ts';
import { type Flow, parseNameAddr, parseSipUri, SipStack } from '../../../firmware/sip/stack.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import type { PhoneOptions } from '../../support/phone/phone.ts';
import { TestPhone } from '../../support/phone/test-phone.ts';
import { FakeMedia, SETTINGS } from '../fakes.ts';
import { configurationOf } from '../routing/support/office.ts';

/** For what never comes: what does is waited for, however slow the machine. */
const WAIT_MS = 30_000;

/** The SIP stack, routing and the calls of a box, with phones over UDP; no registrar, and media that are written down only. */
export class SipOffice {
  /** Of the calls. SIP has the time of day. */
  readonly clock = new FakeClock();
  readonly media = new FakeMedia();
  readonly events: CallEvent[] = [];
  readonly presences = new UserPresences({
    users: () => Object.keys(this.configuration.users),
    doesNotDisturb: () => false,
    now: () => this.clock.now(),
    report: (error) => this.log.push(String(error)),
  });
  readonly edits: Omit<Edit, 'change'>[] = [];
  readonly log: string[] = [];
  configuration: Configuration;
  lines: OutsideLines = NO_LINES;
  #calls: CallServer | undefined;
  #features: Features | undefined;
  #stack: SipStack | undefined;
  readonly #sipClock: Clock;
  readonly #phones: TestPhone[] = [];
  readonly #bindings = new Map<string, Binding[]>();

  private constructor(configuration: Configuration, sipClock: Clock) {
    this.configuration = configuration;
    this.#sipClock = sipClock;
  }

  /** `parts` of a configuration; each user has an extension of his number, which is made. */
  static async open(
    parts: { readonly users: object } & Readonly<Record<string, object>>,
    sipClock: Clock = systemClock,
  ): Promise<SipOffice> {
    const extensions = Object.fromEntries(Object.keys(parts.users).map((user) => [user, { user }]));
    const office = new SipOffice(configurationOf({ extensions, ...parts }), sipClock);
    await office.#open();
    return office;
  }

  async #open(): Promise<void> {
    const logger = createLogger('info', { write: (line) => this.log.push(line) });
    const sourceLog = new SourceLog(logger, this.clock);
    const stack = (): SipStack => {
      if (this.#stack === undefined) throw new Error('no stack');
      return this.#stack;
    };
    const calls = new CallServer({
      stack,
      media: async () => this.media.client,
      location: { lookup: (aor: string) => this.#bindings.get(aor) ?? [] } as unknown as LocationService,
      authenticator: {
        authenticate: (message: { readonly headers: { get(name: string): string | undefined } }) => {
          return { kind: 'ok', extension: extensionIn(message.headers.get('From')) ?? '' };
        },
      } as unknown as Authenticator,
      gruus: { find: () => undefined },
      lines: {
        state: (line) => this.lines.state(line),
        receive: (invite, drop) => this.lines.receive(invite, drop),
        place: (call) => this.lines.place(call),
      },
      feed: {
        emit: (event) => {
          this.events.push(event);
          this.presences.take(event);
        },
      },
      configuration: () => this.configuration,
      route: routeCall,
      mediaSettings: () => SETTINGS,
      lineSettings: () => SETTINGS,
      mayBeDirect: () => false,
      silenceSeconds: () => 60,
      clock: this.clock,
      logger,
      sourceLog,
    });
    this.#calls = calls;
    const features = registerFeatures({
      calls,
      onNotice: () => undefined,
      store: {
        edit: ({ change, ...edit }) => {
          const { configuration } = validate(change(this.configuration, 1), this.configuration);
          if (configuration !== this.configuration) this.edits.push(edit);
          this.configuration = configuration;
          return { revision: 1, changes: [], warnings: [] };
        },
      },
      configuration: () => this.configuration,
      authenticate: ({ message }) => extensionIn(message.headers.get('From')),
      domain: () => 'box.example',
      clock: this.clock,
      logger,
    });
    this.#features = features;
    this.#stack = await SipStack.open({
      listen: [{ protocol: 'udp', address: '127.0.0.1', port: 0 }],
      userAgent: 'Ringdown/test',
      supported: ['replaces'],
      eventPackages: features.eventPackages,
      logger,
      clock: this.#sipClock,
      handlers: {
        onRequest: () => false,
        onInvite: (invite) => {
          calls.invite(invite);
          return true;
        },
        onRefer: (refer) => features.refer(refer),
      },
    });
  }

  get calls(): CallServer {
    if (this.#calls === undefined) throw new Error('not open');
    return this.#calls;
  }

  get features(): Features {
    if (this.#features === undefined) throw new Error('not open');
    return this.#features;
  }

  /** A phone of an extension, which the box knows how to reach; as the device of another one where that is given. */
  async phone(
    extension: string,
    options: Partial<PhoneOptions> = {},
    device = `${extension} ${this.#bindings.get(extension)?.length ?? 0}`,
  ): Promise<TestPhone> {
    const point = this.#stack?.listening[0];
    if (point === undefined) throw new Error('the box listens nowhere');
    const phone = await TestPhone.start({
      user: extension,
      password: '',
      localAddress: '127.0.0.1',
      server: '127.0.0.1',
      serverPort: point.port,
      codecs: ['PCMA'],
      takesOffers: true,
      ...options,
    });
    this.#phones.push(phone);
    const known = this.#bindings.get(extension) ?? [];
    this.#bindings.set(extension, [
      ...known,
      {
        contact: phone.contactUri,
        callId: device,
        cSeq: 1,
        expiresAtMs: Number.MAX_SAFE_INTEGER,
        ...(options.userAgent === undefined ? {} : { userAgent: options.userAgent }),
        ...(options.refer === undefined ? {} : { takesRefer: true }),
        flow: this.flowTo(phone),
      },
    ]);
    return phone;
  }

  /** How the box reaches a phone. */
  flowTo({ contactUri }: TestPhone): Flow {
    return {
      protocol: 'udp',
      localAddress: '127.0.0.1',
      localPort: this.#stack?.listening[0]?.port ?? 0,
      remoteAddress: '127.0.0.1',
      remotePort: parseSipUri(contactUri)?.port ?? 0,
    };
  }

  /** Two phones in conversation. */
  async conversation(from: TestPhone, to: TestPhone, dialled: string): Promise<void> {
    await from.invite(dialled);
    await to.incomingCall(WAIT_MS);
    await Promise.all([to.answer(WAIT_MS), from.answered(WAIT_MS)]);
    await this.until(() => this.conversations.some((pair) => pair.includes(dialled)), 'the conversation');
  }

  /** Who talks to whom, by their numbers in order: `201 202`. */
  get conversations(): readonly string[] {
    return [...this.calls.calls]
      .filter(({ phase }) => phase === 'established')
      .map(({ waiting, other }) => [waiting.party.number, other?.party.number ?? ''].sort().join(' '));
  }

  /** Waits for what happens over sockets. */
  async until(holds: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + WAIT_MS;
    while (!holds()) {
      if (performance.now() > deadline) throw new Error(`waited for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** What a developer needs to see when a test fails. */
  async report(): Promise<string> {
    const transcripts = await Promise.all(this.#phones.map((phone) => phone.transcript()));
    return [this.log.join(''), ...transcripts].join('\n--- a phone ---\n');
  }

  async close(): Promise<void> {
    this.#features?.close();
    this.calls.shutDown();
    await this.#stack?.close();
    await Promise.all(this.#phones.map((phone) => phone.close()));
  }
}

function extensionIn(from: string | undefined): string | undefined {
  const address = parseNameAddr(from ?? '');
  return address === undefined ? undefined : parseSipUri(address.uri)?.user;
}

/** A test with an office of its own; when it fails it prints what the phones sent and received. */
export function sipOfficeTest(
  name: string,
  parts: Parameters<typeof SipOffice.open>[0],
  run: (t: Test, office: SipOffice) => Promise<void>,
  sipClock?: Clock,
): void {
  t.test(name, async (t) => {
    const office = await SipOffice.open(parts, sipClock);
    let isFinished = false;
    try {
      await run(t, office);
      isFinished = true;
    } finally {
      if (!isFinished || !t.passing()) t.comment(await office.report());
      await office.close();
    }
  });
}

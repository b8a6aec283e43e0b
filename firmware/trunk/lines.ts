import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { Configuration } from '../config/schema/configuration.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import {
  type Flow,
  type HeaderField,
  type Headers,
  paramValue,
  parseSipUri,
  type ResponseOptions,
  type SipRequest,
  type SipResponse,
} from '../sip/stack.ts';
import { ChannelsOfLines, type ChannelUse } from './channels.ts';
import { type ConnectedParty, connectedIdentity, type NamedParty, namedParty } from './connected-identity.ts';
import { verdictOn } from './final-status.ts';
import { calledNumber, diversionsOf, incomingCaller, MAX_DIVERSIONS } from './incoming-identity.ts';
import { Line, type LineStatus } from './line.ts';
import { type ConfiguredLine, lineSettings } from './line-settings.ts';
import { formatReceivedNumber, type NumberPlan, plainNumber, toE164 } from './number.ts';
import { type OutgoingInvite, outgoingInvite } from './outgoing-invite.ts';
import { lineOf } from './peer-match.ts';
import { retryAfterOf } from './registration-answer.ts';
import type { LineStack } from './registration-client.ts';
import { isNightHour, TollFraudGuard, type WatchedCall } from './toll-fraud.ts';

export interface LinesOptions {
  readonly configuration: () => Configuration;
  readonly stack: () => LineStack;
  /** As for lineSettings. */
  readonly openSecret: (path: string, sealed: string) => string | undefined;
  /** A secret of this box that never changes, for what must be the same after each start. */
  readonly key: Buffer;
  readonly onNotice: (code: string, message: string) => void;
  /** A peer of a line is by this way, and is no stranger. */
  readonly onPeer: (flow: Flow, line: string) => void;
  /** Whether a phone has registered by this way. */
  readonly isDevices: (flow: Flow) => boolean;
  /** How far away a number to outside is, as the line's plan has it, and the box's where that knows no country. */
  readonly readNumber: (
    number: string,
    plan: NumberPlan,
  ) => { readonly e164: string | undefined; readonly isAbroad: boolean };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
}

/** What one call may use of a line. */
export interface LineAbilities {
  readonly codecs: ConfiguredLine['codecs'];
  readonly security: ConfiguredLine['mediaSecurity'];
  readonly dtmf: ConfiguredLine['dtmf'];
}

interface ChannelHolder {
  answered(): void;
  /** Idempotent. */
  ended(): void;
  shows(party: ConnectedParty): readonly HeaderField[];
  names(headers: Headers): NamedParty | undefined;
}

export type ReceivedCall =
  | { readonly kind: 'stranger' }
  | { readonly kind: 'refused'; readonly status: number; readonly options: ResponseOptions; readonly why: string }
  | (ChannelHolder & {
      readonly kind: 'call';
      readonly line: string;
      readonly calledNumber: string;
      readonly callerNumber?: string;
      readonly callerName?: string;
      readonly isWithheld: boolean;
      readonly diversions: readonly { readonly number: string; readonly reason: string }[];
      readonly abilities: LineAbilities;
    });

export interface OutsideCall {
  readonly attempt: {
    readonly line: string;
    readonly number: string;
    readonly identity: {
      readonly number: string | undefined;
      readonly name: string | undefined;
      readonly isWithheld: boolean;
    };
  };
  readonly user: string | undefined;
  readonly diversions: readonly { readonly from: string; readonly reason: string }[];
  readonly isEmergency: boolean;
  readonly maxForwards: number;
  readonly drop: () => void;
}

export interface PlacedCall extends ChannelHolder {
  readonly kind: 'placed';
  readonly invite: OutgoingInvite & { readonly flow: Flow };
  readonly abilities: LineAbilities;
  readonly answerWithinMs: number;
  rejected(status: number, response: SipResponse | undefined): 'again' | 'next' | 'final';
}

export interface RefusedCall {
  readonly kind: 'refused';
  readonly status: number;
  readonly why: string;
  readonly isFinal: boolean;
}

const NO_LINE = { isInService: false, channelsInUse: 0, hasCallToDrop: false } as const;
/** Servers of all lines that one call is tried over. */
const MAX_SERVERS = 16;

/** All lines, as they are configured: what comes from them, and what goes out over them. */
export class Lines {
  readonly #options: LinesOptions;
  readonly #lines = new Map<string, Line>();
  /** Lines that are unregistering, by number: the next one of that number waits. */
  readonly #leaving = new Map<string, Promise<void>>();
  /** They outlive an edit of the line, as calls do. */
  readonly #channels = new ChannelsOfLines();
  readonly #fraud = new TollFraudGuard();
  /** Of each call, by what ends it: the servers that it was sent to, with their line. */
  readonly #tried = new WeakMap<() => void, Set<string>>();
  /** Calls that were counted, by what ends them. */
  readonly #counted = new WeakSet<() => void>();
  readonly #token = randomBytes(12).toString('hex');
  #configured: Configuration['lines'] = {};
  #closed = false;

  constructor(options: LinesOptions) {
    this.#options = options;
  }

  /** The lines from now on; to be called when SIP is served, and after each edit. What stayed the same goes on. */
  apply(lines: Configuration['lines']): void {
    this.#configured = lines;
    if (this.#closed) return;
    for (const [number, line] of this.#lines) {
      if (lines[number] !== line.settings.configured) this.#leave(number, line);
    }
    for (const [number, configured] of Object.entries(lines)) {
      if (!this.#lines.has(number) && !this.#leaving.has(number)) this.#open(number, configured);
    }
    this.#channels.keep(Object.keys(lines));
  }

  /** By number. */
  list(): readonly LineStatus[] {
    return [...this.#lines.values()]
      .map(({ status }) => status)
      .sort((one, other) => Number(one.line) - Number(other.line));
  }

  state(line: string): {
    readonly isInService: boolean;
    readonly channelsInUse: number;
    readonly hasCallToDrop: boolean;
    readonly youngestToDrop?: number;
  } {
    const found = this.#lines.get(line);
    if (found === undefined) return NO_LINE;
    const { inUse, hasCallToDrop, youngestToDrop } = found.channels;
    const youngest = youngestToDrop === undefined ? {} : { youngestToDrop };
    return { isInService: found.isInService, channelsInUse: inUse, hasCallToDrop, ...youngest };
  }

  receive({ message, flow }: { readonly message: SipRequest; readonly flow: Flow }, drop: () => void): ReceivedCall {
    const line = this.#lineOf(message, flow);
    if (line === undefined) return { kind: 'stranger' };
    const { number, configured, contactUser, plan } = line.settings;
    this.#options.onPeer(flow, number);
    const refused = (status: number, why: string, options: ResponseOptions = {}): ReceivedCall => ({
      kind: 'refused',
      status,
      options,
      why: `line ${number}: ${why}`,
    });
    if (message.maxForwards < 1) return refused(483, 'no hops are left');
    const diversions = diversionsOf(message);
    if (diversions.count > MAX_DIVERSIONS) return refused(482, `diverted ${diversions.count} times`);
    const use: ChannelUse = { direction: 'in', isEmergency: false, drop };
    const free = line.channels.take(use, configured);
    // RFC 3261 §21.4.24: busy here, and the carrier may go elsewhere; 503 would take the whole line out.
    if (free === undefined) return refused(486, 'all channels are busy');
    const caller = incomingCaller(message, configured.identity.incoming);
    const { receive } = configured.numbers;
    return {
      kind: 'call',
      line: number,
      calledNumber: calledNumber(message, contactUser),
      ...(caller.number === undefined ? {} : { callerNumber: formatReceivedNumber(caller.number, receive, plan) }),
      ...(caller.name === undefined ? {} : { callerName: caller.name }),
      isWithheld: caller.isWithheld,
      diversions: diversions.list,
      abilities: abilitiesOf(configured),
      answered: () => undefined,
      ended: free,
      shows: (party) => this.#shows(party, line, 'called'),
      names: (headers) => namedParty(headers, line.settings, 'calling'),
    };
  }

  async place(call: OutsideCall): Promise<PlacedCall | RefusedCall> {
    const line = this.#lines.get(call.attempt.line);
    if (line === undefined || this.#closed) return refusal(503, `there is no line ${call.attempt.line}`);
    // Help is called over a line that may be out of service, too: what is believed may be wrong.
    if (!line.isInService && !call.isEmergency) return refusal(503, `line ${call.attempt.line} is out of service`);
    const watched = this.#guard(call, line);
    if ('kind' in watched) return watched;
    const use: ChannelUse = { direction: 'out', isEmergency: call.isEmergency, drop: call.drop };
    const free = line.channels.take(use, line.settings.configured);
    if (free === undefined) {
      watched.ended(this.#options.clock.elapsed());
      return refusal(503, `all channels of line ${call.attempt.line} are busy`);
    }
    const ended = (): void => {
      free();
      watched.ended(this.#options.clock.elapsed());
    };
    const flow = await this.#way(call, line).catch(() => undefined);
    if (flow === undefined) {
      ended();
      line.doubt();
      return refusal(503, `no way over line ${call.attempt.line}`);
    }
    return this.#placed(call, line, flow, watched, ended);
  }

  /** Unregisters all lines, as far as that is done in time. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...[...this.#lines.values()].map((line) => line.stop()), ...this.#leaving.values()]);
    this.#lines.clear();
  }

  #open(number: string, configured: ConfiguredLine): void {
    const { stack, onNotice, onPeer, key, clock, logger, random = Math.random } = this.#options;
    const channels = this.#channels.of(number);
    const line = new Line({
      settings: lineSettings(number, configured, (path, sealed) => this.#opened(path, sealed)),
      channels,
      stack: stack(),
      instanceId: instanceIdOf(key),
      token: createHash('sha256').update(`${this.#token} ${number}`).digest('hex').slice(0, 24),
      clock,
      random,
      logger,
      onNotice,
      onPeer: (flow) => onPeer(flow, number),
    });
    this.#lines.set(number, line);
    line.start();
  }

  /** Without the key of the box a line has no password, and the others have theirs. */
  #opened(path: string, sealed: string): string | undefined {
    try {
      return this.#options.openSecret(path, sealed);
    } catch (error) {
      this.#options.logger.error({ err: error, path }, 'the password of a line cannot be read');
      return undefined;
    }
  }

  /** RFC 3261 §10.2: the next registration of the same number begins when this one is over. */
  #leave(number: string, line: Line): void {
    this.#lines.delete(number);
    const leaving = line.stop().then(() => {
      this.#leaving.delete(number);
      this.apply(this.#configured);
    });
    this.#leaving.set(number, leaving);
  }

  #lineOf(message: SipRequest, flow: Flow): Line | undefined {
    if (this.#lines.size === 0) return undefined;
    const usable = [...this.#lines.values()].filter(
      ({ settings }) => settings.configured.enabled && settings.lacks === undefined,
    );
    const { sipUri } = message;
    const found = lineOf(
      {
        flow,
        provenName: this.#options.stack().provenName(flow),
        requestUser: sipUri?.user,
        lineToken: sipUri === undefined ? undefined : paramValue(sipUri.params, 'line'),
        toUser: parseSipUri(message.to.uri)?.user,
        isDevices: () => this.#options.isDevices(flow),
      },
      usable.map(({ peer }) => peer),
    );
    return found === undefined ? undefined : this.#lines.get(found);
  }

  /** The way that is known to work, else server after server (RFC 3263 §4.3); undefined where all were tried. */
  async #way(call: OutsideCall, line: Line): Promise<Flow | undefined> {
    const tried = this.#tried.get(call.drop) ?? new Set<string>();
    this.#tried.set(call.drop, tried);
    const isNew = (flow: Flow): boolean => {
      const server = `${line.settings.number} ${serverOf(flow)}`;
      if (tried.has(server) || tried.size >= MAX_SERVERS) return false;
      tried.add(server);
      return true;
    };
    const stack = this.#options.stack();
    const known = line.flow;
    if (known !== undefined && stack.isOpen(known) && isNew(known)) return known;
    for await (const flow of stack.ways(line.settings.target)) if (isNew(flow)) return flow;
    return undefined;
  }

  #placed(call: OutsideCall, line: Line, flow: Flow, watched: WatchedCall, ended: () => void): PlacedCall {
    const { clock, configuration } = this.#options;
    const { settings } = line;
    const { configured } = settings;
    const routes = configuration().incomingRoutes;
    const invite = outgoingInvite(
      {
        ...call.attempt,
        isEmergency: call.isEmergency,
        maxForwards: call.maxForwards,
        diversions: call.diversions.flatMap(({ from, reason }) => {
          const outside = outsideNumberOf(from, configured.incomingGroup, routes) ?? settings.ownNumber;
          return outside === undefined ? [] : [{ number: outside, reason }];
        }),
      },
      settings,
      line.way,
    );
    return {
      kind: 'placed',
      invite: { ...invite, flow },
      abilities: abilitiesOf(configured),
      answerWithinMs: configured.noResponseSeconds * 1000,
      answered: () => watched.answered(clock.elapsed()),
      ended,
      shows: (party) => this.#shows(party, line, 'calling'),
      names: (headers) => namedParty(headers, settings, 'called'),
      rejected: (status, response) => {
        ended();
        const verdict = verdictOn(
          status,
          response === undefined,
          response === undefined ? undefined : retryAfterOf(response),
        );
        if (verdict.holdSeconds > 0) line.hold(verdict.holdSeconds);
        if (verdict.isDoubtful) line.doubt();
        if (status === 401 || status === 407) line.tellRefused(status);
        return verdict.go;
      },
    };
  }

  #shows(party: ConnectedParty, { settings }: Line, role: 'calling' | 'called'): readonly HeaderField[] {
    const { users, incomingRoutes } = this.#options.configuration();
    const { user } = party;
    const own = user === undefined ? undefined : users[user];
    const outside =
      user === undefined
        ? undefined
        : own?.callerNumber || outsideNumberOf(user, settings.configured.incomingGroup, incomingRoutes);
    const isPrivate = party.isPrivate === true || own?.withholdNumber === true;
    return connectedIdentity({ ...party, number: outside ?? party.number, isPrivate }, settings, role);
  }

  /** Whether this user's calls look like fraud. Help is never refused. */
  #guard(call: OutsideCall, line: Line): WatchedCall | RefusedCall {
    const { user, isEmergency, attempt } = call;
    if (user === undefined || isEmergency) return { answered: () => undefined, ended: () => undefined };
    // A call that goes on to another server or line was counted when it began.
    if (this.#counted.has(call.drop)) return this.#fraud.begin(user);
    this.#counted.add(call.drop);
    const { clock, configuration, logger, onNotice, readNumber } = this.#options;
    const { system } = configuration();
    const limits = system.tollFraud;
    const { plan } = line.settings;
    const dialled = plainNumber(attempt.number) ?? attempt.number.slice(0, 64);
    const { e164 = toE164(dialled, plan), isAbroad } = readNumber(dialled, plan);
    const hour = hourIn(system.timeZone, clock.now());
    const verdict = this.#fraud.check(
      {
        user,
        number: e164,
        isInternational: isAbroad,
        isNight: isNightHour(hour, limits.nightFromHour, limits.nightToHour),
        atMs: clock.elapsed(),
      },
      limits,
    );
    if (verdict.isNews && verdict.pattern !== undefined) {
      const done = verdict.isAllowed ? '' : '; such calls are refused for now';
      logger.warn({ user, pattern: verdict.pattern, line: attempt.line }, 'outside calls look like toll fraud');
      onNotice('TOLL_FRAUD', `calls of user ${user} look like toll fraud (${PATTERNS[verdict.pattern]})${done}`);
    }
    if (verdict.isAllowed) return this.#fraud.begin(user);
    return { kind: 'refused', status: 403, why: `calls of user ${user} look like toll fraud`, isFinal: true };
  }
}

const PATTERNS = {
  calls: 'very many outside calls in an hour',
  international: 'many international calls in an hour',
  night: 'many calls at night',
  repeated: 'many calls to one number',
  'at-once': 'many outside calls at once',
} as const;

function refusal(status: number, why: string): RefusedCall {
  return { kind: 'refused', status, why, isFinal: false };
}

function abilitiesOf({ codecs, mediaSecurity, dtmf }: ConfiguredLine): LineAbilities {
  return { codecs, security: mediaSecurity, dtmf };
}

/** The number by which the outside reaches a user, where an incoming route has all of its digits. */
function outsideNumberOf(user: string, group: number, routes: Configuration['incomingRoutes']): string | undefined {
  const number = Object.values(routes).find(
    ({ destination, incomingNumber, lineGroup }) =>
      destination === user &&
      lineGroup === group &&
      incomingNumber.length > 4 &&
      plainNumber(incomingNumber) !== undefined,
  )?.incomingNumber;
  return number ?? (user.length > 6 ? user : undefined);
}

function serverOf({ protocol, remoteAddress, remotePort }: Flow): string {
  return `${protocol} ${remoteAddress} ${remotePort}`;
}

/** A UUID of version 8 (RFC 9562) that is this box's. */
function instanceIdOf(key: Buffer): string {
  const hex = createHmac('sha256', key).update('lines').digest('hex');
  const parts = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ];
  return `urn:uuid:${parts.join('-')}`;
}

const hours = new Map<string, Intl.DateTimeFormat>();

/** Hour of the day in a time zone, 0 to 23. */
function hourIn(timeZone: string, atMs: number): number {
  let format = hours.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', hourCycle: 'h23' });
    hours.clear();
    hours.set(timeZone, format);
  }
  return Number(format.format(atMs));
}

import type { Clock } from '../../core/clock.ts';
import type { Logger, SourceLog } from '../../core/logger.ts';
import { NetworkList } from '../../core/network-list.ts';
import { RecentMap } from '../../core/recent-map.ts';
import type { SipRequest } from '../message/request.ts';
import { parseSipUri } from '../message/uri.ts';
import { type Block, BlockedSources } from './blocked-sources.ts';
import type { Flow } from './flow.ts';
import { Behaviour, scannerName } from './scanner.ts';
import { sourceOf } from './source.ts';
import { TokenBucket } from './token-bucket.ts';

export type { Block } from './blocked-sources.ts';

/** Why something was dropped without an answer. */
export type Refusal = 'rate' | 'blocked' | 'scanner';

export interface AdmissionLimits {
  /** Of one source, and of one logged-in phone. */
  readonly packetsPerSecond: number;
  readonly blockSeconds: number;
  /** Addresses, and networks as `192.168.42.0/24`, that are never slowed down or blocked. */
  readonly allowList: readonly string[];
}

export interface AdmissionOptions {
  readonly limits: AdmissionLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sourceLog: SourceLog;
}

/** What is held at the moment, and what was done since the start. */
export interface AdmissionState {
  readonly strangers: number;
  readonly knownFlows: number;
  readonly blocks: number;
  readonly refused: Readonly<Record<Refusal, number>>;
}

/** A burst is so many seconds' worth. */
const BURST_SECONDS = 4;
/** All strangers at one address of ours together, as a multiple of what one of them may. */
const STRANGERS_SHARE = 4;
/** A stranger's datagram counts once more for each of these: its answer is kept for half a minute, and as long as itself. */
const BYTES_PER_PACKET = 2048;
/**
 * Milliseconds of every second that may go into what strangers send, and how many at once: how much work a message makes
 * depends on the message and on the machine, and the phones that are known need the rest.
 */
const STRANGERS_WORK_MS = 400;
const STRANGERS_WORK_BURST_MS = 500;
/** New connections of one source a second, and at once. */
const CONNECTIONS_PER_SECOND = 20;
const CONNECTIONS_BURST = 80;
/** So many times more from where somebody has logged in: after a power cut a whole office comes back through one NAT. */
const PROVEN_CONNECTIONS = 5;
/** Sources that are followed without being known; those that were not heard of the longest are forgotten. */
export const MAX_STRANGERS = 8192;
/** Phones that have logged in, each by address and port; only right passwords get in here. */
export const MAX_KNOWN_FLOWS = 16_384;
/** Users of one phone that has many lines. */
const MAX_USERS_OF_FLOW = 32;
/** A login counts for so long by itself; a binding is told of again within it. */
const KNOWN_MS = 150_000;
/** From where somebody has logged in, nobody is taken for a scanner for so long. */
const PROVEN_MS = 3_600_000;
const MAX_PROVEN = 4096;
/** A flood of forged addresses must not fill the log. */
const BLOCK_LINES_PER_SECOND = 10;

interface Stranger {
  readonly source: string;
  readonly isAllowed: boolean;
  readonly packets: TokenBucket;
  readonly behaviour: Behaviour;
  connections: TokenBucket | undefined;
  /** Its first packet was counted among those of all strangers already. */
  isNew: boolean;
}

const ALLOWED = { isAllowed: true } as const;

/** What strangers come by. */
type Kind = 'datagrams' | 'connections';

interface Known {
  readonly packets: TokenBucket;
  untilMs: number;
  /** Who has logged in by this way. */
  readonly users: Set<string>;
}

/**
 * Who may talk to us. Asked before anything is parsed, so that a flood costs a look into a table.
 *
 * A phone that has logged in is known by address and port and has a budget of its own: whatever others do, behind the
 * same NAT or in its name from elsewhere, takes nothing from it, and no block of its address concerns it. All others are
 * strangers. Each source of them has a budget, and all of them at one address of ours together another, since forged
 * addresses cost nothing; an attacker with many addresses pushes other strangers out, and never a known phone.
 */
export class Admission {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #sourceLog: SourceLog;
  #limits: AdmissionLimits;
  #allowed: NetworkList | undefined;
  /** By address and port of the peer. */
  readonly #known = new Map<string, Map<number, Known>>();
  #knownCount = 0;
  /** Sources from which somebody has logged in, and until when that counts. */
  readonly #proven = new RecentMap<string, number>(MAX_PROVEN);
  readonly #strangers = new RecentMap<string, Stranger>(MAX_STRANGERS);
  /**
   * By address of ours, so that what comes in on one LAN takes nothing from the other; and datagrams, whose senders may be
   * forged, take nothing from connections.
   */
  readonly #together = { datagrams: new Map<string, TokenBucket>(), connections: new Map<string, TokenBucket>() };
  readonly #work: TokenBucket;
  /** When the message of a stranger was let in that is being worked on. */
  #workingSinceMs: number | undefined;
  readonly #blocked = new BlockedSources();
  readonly #refused: Record<Refusal, number> = { rate: 0, blocked: 0, scanner: 0 };
  readonly #blockLines: TokenBucket;
  #onBlocked: () => void = () => undefined;

  constructor(options: AdmissionOptions) {
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#sourceLog = options.sourceLog;
    this.#limits = options.limits;
    this.#work = new TokenBucket(this.#clock.elapsed(), STRANGERS_WORK_BURST_MS);
    this.#blockLines = new TokenBucket(this.#clock.elapsed(), BLOCK_LINES_PER_SECOND);
    this.useLimits(options.limits);
  }

  /** Other limits from now on; who is blocked stays so, unless the allow list has it now. */
  useLimits(limits: AdmissionLimits): void {
    this.#limits = limits;
    this.#allowed = limits.allowList.length === 0 ? undefined : listOf(limits.allowList);
    // What is remembered of a source includes whether it is on the list.
    this.#strangers.clear();
    this.#blocked.release(({ source }) => this.#isListed(source));
  }

  /** Called when a source was blocked: its connections are to be cut. */
  onBlocked(listener: () => void): void {
    this.#onBlocked = listener;
  }

  /** Why a datagram of that size, or a message of a connection, is dropped before anybody looks into it. */
  refuses(flow: Flow, sizeBytes = 0): Refusal | undefined {
    const now = this.#clock.elapsed();
    const { packetsPerSecond } = this.#limits;
    const burst = BURST_SECONDS * packetsPerSecond;
    // What nobody worked on has no end, and the time until now is not its own.
    this.#workingSinceMs = undefined;
    const known = this.#knownFlow(flow, now);
    if (known !== undefined) {
      return known.packets.take(now, packetsPerSecond, burst) ? undefined : this.#refuse('rate', flow.remoteAddress);
    }
    const cost = 1 + Math.floor(sizeBytes / BYTES_PER_PACKET);
    const kind = flow.protocol === 'udp' ? 'datagrams' : 'connections';
    const stranger = this.#follow(flow.remoteAddress, flow.localAddress, now, kind, cost);
    if (typeof stranger === 'string') return stranger;
    if (stranger.isAllowed) return undefined;
    if (!stranger.packets.take(now, packetsPerSecond, burst, cost)) return this.#refuse('rate', stranger.source);
    if (!stranger.isNew && !this.#takeTogether(flow.localAddress, now, kind, cost)) {
      return this.#refuse('rate', 'strangers');
    }
    if (!this.#work.has(now, STRANGERS_WORK_MS, STRANGERS_WORK_BURST_MS)) return this.#refuse('rate', 'strangers');
    stranger.isNew = false;
    stranger.behaviour.count(now);
    this.#workingSinceMs = now;
    return undefined;
  }

  /** What `refuses` has let in was worked on: in time that strangers have together. */
  worked(): void {
    if (this.#workingSinceMs === undefined) return;
    this.#work.spend(this.#clock.elapsed() - this.#workingSinceMs);
    this.#workingSinceMs = undefined;
  }

  /** The same for a connection that is about to be accepted. */
  refusesConnection(remoteAddress: string, localAddress: string): Refusal | undefined {
    const now = this.#clock.elapsed();
    const stranger = this.#follow(remoteAddress, localAddress, now, 'connections');
    if (typeof stranger === 'string') return stranger;
    if (stranger.isAllowed) return undefined;
    const factor = this.#isProvenSource(stranger.source, now) ? PROVEN_CONNECTIONS : 1;
    stranger.connections ??= new TokenBucket(now, CONNECTIONS_BURST * factor);
    const isWithin = stranger.connections.take(now, CONNECTIONS_PER_SECOND * factor, CONNECTIONS_BURST * factor);
    return isWithin ? undefined : this.#refuse('rate', stranger.source);
  }

  /** Why a request that was let in gets no answer all the same: it comes from a scanner. */
  refusesRequest(request: SipRequest, flow: Flow): Refusal | undefined {
    const now = this.#clock.elapsed();
    const known = this.#knownFlow(flow, now);
    const source = sourceOf(flow.remoteAddress, flow.localAddress);
    const block = this.#blocked.findUser(source, () => parseSipUri(request.from.uri)?.user, now);
    if (block?.user !== undefined && known?.users.has(block.user) !== true) {
      block.refused += 1;
      this.#refused.blocked += 1;
      return 'blocked';
    }
    if (known !== undefined) return undefined;
    const stranger = this.#strangers.get(source);
    if (stranger?.isAllowed === true || this.#isListed(flow.remoteAddress)) return undefined;
    const name = scannerName(request);
    const isProven = this.#isProvenSource(source, now);
    if (name !== undefined) {
      // One forged datagram in the name of an office would keep out each of its phones that changes its port.
      if (!isProven) this.block(flow, `calls itself ${name}`);
      return this.#refuse('scanner', source);
    }
    if (isProven) return undefined;
    const suspicion = stranger?.behaviour.judge(request, now);
    if (suspicion?.kind === 'scanner') this.block(flow, suspicion.reason);
    return suspicion === undefined ? undefined : this.#refuse(suspicion.kind, source);
  }

  /** What came by this way could not be read. */
  noteMalformed(flow: Flow): void {
    if (this.isKnown(flow)) return;
    const source = sourceOf(flow.remoteAddress, flow.localAddress);
    const stranger = this.#strangers.get(source);
    if (stranger === undefined || stranger.isAllowed || this.#isProvenSource(source, this.#clock.elapsed())) return;
    if (stranger.behaviour.isMalformedTooOften()) this.block(flow, 'sends little but malformed messages');
  }

  /** `user` has logged in by this way, or still has a binding by it. */
  know(flow: Flow, cause: 'login' | 'binding', user: string): void {
    const now = this.#clock.elapsed();
    const source = sourceOf(flow.remoteAddress, flow.localAddress);
    this.#proven.set(source, now + PROVEN_MS);
    let ports = this.#known.get(flow.remoteAddress);
    const known = ports?.get(flow.remotePort);
    if (known !== undefined) {
      known.untilMs = now + KNOWN_MS;
      if (known.users.size < MAX_USERS_OF_FLOW) known.users.add(user);
      return;
    }
    // Who was blocked for what came by this very way gets no budget back by a binding from before.
    if (cause === 'binding' && this.#blocked.find(source, now) !== undefined) return;
    // Whoever is on the list needs no budget.
    if (this.#knownCount >= MAX_KNOWN_FLOWS || this.#strangers.get(source)?.isAllowed === true) return;
    if (ports === undefined) {
      ports = new Map();
      this.#known.set(flow.remoteAddress, ports);
    }
    const burst = BURST_SECONDS * this.#limits.packetsPerSecond;
    const untilMs = now + KNOWN_MS;
    ports.set(flow.remotePort, { packets: new TokenBucket(now, burst), untilMs, users: new Set([user]) });
    this.#knownCount += 1;
  }

  /** Takes out phones whose binding is gone; to be called now and then. */
  forgetExpired(): void {
    const now = this.#clock.elapsed();
    for (const [address, ports] of this.#known) {
      for (const [port, { untilMs }] of ports) if (now >= untilMs) this.#forget(address, port);
    }
  }

  /** Whether somebody has logged in by this very way, or has a binding by it. */
  isKnown(flow: Flow): boolean {
    return this.#knownFlow(flow, this.#clock.elapsed()) !== undefined;
  }

  /** Whether somebody has logged in from the source of this flow within the last hour. */
  isProven(flow: Flow): boolean {
    return this.#isProvenSource(sourceOf(flow.remoteAddress, flow.localAddress), this.#clock.elapsed());
  }

  /**
   * Whether the whole source of this flow gets no answer now, or `user` from there; a known phone always gets one, each of its users in
   * his own name alone.
   */
  isBlocked(flow: Flow, user?: string): boolean {
    const now = this.#clock.elapsed();
    const known = this.#knownFlow(flow, now);
    const source = sourceOf(flow.remoteAddress, flow.localAddress);
    const isNamed = user !== undefined && this.#blocked.findUser(source, () => user, now) !== undefined;
    if (isNamed && known?.users.has(user) !== true) return true;
    return known === undefined && this.#blocked.find(source, now) !== undefined;
  }

  /**
   * Gives the source of `flow` no answer for the time that is configured; the phone on that very flow is no longer known,
   * others at the same address stay. With `user` only what comes from there in this name gets none, save by ways by which
   * this user has logged in. Does nothing to those on the allow list.
   */
  block(flow: Flow, reason: string, user?: string): void {
    const { remoteAddress, remotePort, localAddress } = flow;
    const source = sourceOf(remoteAddress, localAddress);
    if (this.#isListed(remoteAddress)) return;
    const now = this.#clock.elapsed();
    const { blockSeconds } = this.#limits;
    this.#blocked.add(source, user, reason, now, blockSeconds);
    if (user === undefined) {
      this.#strangers.delete(source);
      this.#forget(remoteAddress, remotePort);
    } else this.#known.get(remoteAddress)?.get(remotePort)?.users.delete(user);
    if (this.#blockLines.take(now, BLOCK_LINES_PER_SECOND, BLOCK_LINES_PER_SECOND)) {
      const who = user === undefined ? { source } : { source, user };
      this.#logger.warn({ ...who, reason, seconds: blockSeconds }, 'blocked: it gets no answer from SIP');
    }
    this.#onBlocked();
  }

  /** The newest first, by the time of day that it is now: until then they last, wherever it was set meanwhile. */
  blocks(): readonly Block[] {
    const elapsedMs = this.#clock.elapsed();
    const offsetMs = this.#clock.now() - elapsedMs;
    return this.#blocked.list(elapsedMs).map((block) => ({
      ...block,
      sinceMs: Math.round(block.sinceMs + offsetMs),
      untilMs: Math.round(block.untilMs + offsetMs),
    }));
  }

  /** Ends the blocks of an address, or of a network as `blocks` names it; how many there were. */
  unblock(text: string): number {
    // From elsewhere an IPv6 address counts as its /64, on a LAN of ours by itself.
    return this.#blocked.release(({ source }) => source === text || source === sourceOf(text, ''));
  }

  get state(): AdmissionState {
    const [strangers, knownFlows] = [this.#strangers.size, this.#knownCount];
    return { strangers, knownFlows, blocks: this.#blocked.size, refused: { ...this.#refused } };
  }

  /** The stranger's record, made where there is none and all strangers together have not sent too much. */
  #follow(
    remoteAddress: string,
    localAddress: string,
    now: number,
    kind: Kind,
    cost = 1,
  ): Stranger | typeof ALLOWED | Refusal {
    const source = sourceOf(remoteAddress, localAddress);
    // One address of a /64 may be on the list, and the rest of it not.
    if (source !== remoteAddress && this.#isListed(remoteAddress)) return ALLOWED;
    if (this.#isBlockedSource(source, now)) return 'blocked';
    const stranger = this.#strangers.get(source);
    if (stranger !== undefined) return stranger;
    const isAllowed = this.#isListed(source);
    // Asked before there is a record: who has none yet costs next to nothing.
    if (!isAllowed && !this.#takeTogether(localAddress, now, kind, cost)) return this.#refuse('rate', 'strangers');
    const packets = new TokenBucket(now, BURST_SECONDS * this.#limits.packetsPerSecond);
    const made = { source, isAllowed, packets, behaviour: new Behaviour(), connections: undefined, isNew: true };
    this.#strangers.set(source, made);
    return made;
  }

  #takeTogether(localAddress: string, now: number, kind: Kind, cost: number): boolean {
    const perSecond = STRANGERS_SHARE * this.#limits.packetsPerSecond;
    const burst = BURST_SECONDS * perSecond;
    let together = this.#together[kind].get(localAddress);
    if (together === undefined) {
      together = new TokenBucket(now, burst);
      this.#together[kind].set(localAddress, together);
    }
    return together.take(now, perSecond, burst, cost);
  }

  #isBlockedSource(source: string, now: number): boolean {
    const block = this.#blocked.find(source, now);
    if (block === undefined) return false;
    block.refused += 1;
    this.#refused.blocked += 1;
    return true;
  }

  #isProvenSource(source: string, now: number): boolean {
    return now < (this.#proven.get(source) ?? 0);
  }

  #knownFlow({ remoteAddress, remotePort }: Flow, now: number): Known | undefined {
    const known = this.#known.get(remoteAddress)?.get(remotePort);
    return known !== undefined && now < known.untilMs ? known : undefined;
  }

  #forget(address: string, port: number): void {
    const ports = this.#known.get(address);
    if (ports?.delete(port) !== true) return;
    this.#knownCount -= 1;
    if (ports.size === 0) this.#known.delete(address);
  }

  #refuse(refusal: 'rate' | 'scanner', source: string): Refusal {
    this.#refused[refusal] += 1;
    if (refusal === 'rate') this.#sourceLog.warn(source, {}, 'too much SIP: dropped');
    return refusal;
  }

  #isListed(source: string): boolean {
    return this.#allowed?.has(source.replace(/\/.*$/, '')) === true;
  }
}

/** Entries were checked when they were configured; what is no network is left out. */
function listOf(entries: readonly string[]): NetworkList {
  const list = new NetworkList();
  for (const entry of entries) {
    try {
      list.add(entry);
    } catch {
      // The rest of the list holds all the same.
    }
  }
  return list;
}

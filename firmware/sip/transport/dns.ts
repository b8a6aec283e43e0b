import { randomInt } from 'node:crypto';
import { promises as dns } from 'node:dns';
import type { Clock } from '../../core/clock.ts';
import type { Family } from './flow.ts';

export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

export interface NaptrRecord {
  readonly flags: string;
  readonly service: string;
  readonly replacement: string;
  readonly order: number;
  readonly preference: number;
}

/** All questions of one lookup together. */
export const LOOKUP_TIMEOUT_MS = 5_000;
/** A server that does not answer is asked again, or the next one, after this long; each twice. */
const QUERY_TIMEOUT_MS = 1_000;
const QUERY_TRIES = 2;
/** Records of one answer that are looked at. */
export const MAX_RECORDS = 16;
/** Questions of one lookup: NAPTR, SRV for each transport, both kinds of address for each server. */
const MAX_QUESTIONS = 40;

/** Asks name servers. */
export class DnsNames {
  readonly #servers: readonly string[] | undefined;
  readonly #clock: Clock;

  /** `servers` are addresses with or without a port, such as `127.0.0.1:53`; those of the system when undefined. */
  constructor(servers: readonly string[] | undefined, clock: Clock) {
    this.#servers = servers;
    this.#clock = clock;
  }

  /** `end` must follow. */
  begin(): DnsLookup {
    const resolver = new dns.Resolver({ timeout: QUERY_TIMEOUT_MS, tries: QUERY_TRIES });
    if (this.#servers !== undefined) resolver.setServers(this.#servers);
    return new DnsLookup(resolver, this.#clock);
  }
}

/** The questions that one URI needs. What has no answer in time is as if it were not there: none of these rejects. */
class DnsLookup {
  readonly #resolver: dns.Resolver;
  readonly #timer: { cancel(): void };
  #leastTtlSeconds = Number.POSITIVE_INFINITY;
  #questions = 0;
  #ended = false;

  constructor(resolver: dns.Resolver, clock: Clock) {
    this.#resolver = resolver;
    this.#timer = clock.schedule(LOOKUP_TIMEOUT_MS, () => this.end());
  }

  /** Of the addresses that were found. */
  get leastTtlSeconds(): number {
    return this.#leastTtlSeconds;
  }

  naptr(name: string): Promise<readonly NaptrRecord[]> {
    return this.#ask(() => this.#resolver.resolveNaptr(name));
  }

  srv(name: string): Promise<readonly SrvRecord[]> {
    return this.#ask(() => this.#resolver.resolveSrv(name));
  }

  async addresses(name: string, family: Family): Promise<readonly string[]> {
    const ttl = { ttl: true } as const;
    const records = await this.#ask(() =>
      family === 6 ? this.#resolver.resolve6(name, ttl) : this.#resolver.resolve4(name, ttl),
    );
    for (const record of records) this.#leastTtlSeconds = Math.min(this.#leastTtlSeconds, record.ttl);
    return records.map(({ address }) => address);
  }

  /** Gives up what is not answered yet. Idempotent. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer.cancel();
    this.#resolver.cancel();
  }

  async #ask<T>(question: () => Promise<T[]>): Promise<readonly T[]> {
    this.#questions += 1;
    if (this.#ended || this.#questions > MAX_QUESTIONS) return [];
    try {
      return (await question()).slice(0, MAX_RECORDS);
    } catch {
      return [];
    }
  }
}

/** RFC 3403 §4.1: by order, then by preference. */
export function inOrderOfService(records: readonly NaptrRecord[]): readonly NaptrRecord[] {
  return records.toSorted((a, b) => a.order - b.order || a.preference - b.preference);
}

/**
 * RFC 2782: by priority; among those of one priority each in turn is drawn with a chance by its weight, those of weight 0
 * hardly ever. `draw` gives a whole number from 0 to its argument, both included.
 */
export function inOrderOfWeight(
  records: readonly SrvRecord[],
  draw: (most: number) => number = (most) => randomInt(most + 1),
): readonly SrvRecord[] {
  const ordered: SrvRecord[] = [];
  const left = records.toSorted((a, b) => a.priority - b.priority || a.weight - b.weight);
  while (left.length > 0) {
    const group = left.filter(({ priority }) => priority === left[0]?.priority);
    const drawn = draw(group.reduce((sum, { weight }) => sum + weight, 0));
    let sum = 0;
    const at = group.findIndex(({ weight }) => {
      sum += weight;
      return sum >= drawn;
    });
    ordered.push(...left.splice(at, 1));
  }
  return ordered;
}

import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { isIP, isIPv6 } from 'node:net';
import { join } from 'node:path';
import { UsageError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { canonicalAddress } from './canonical-address.ts';
import { LANS, type Lan } from './network.ts';

/**
 * The addresses that the LANs of this machine have, followed in the files `lan1` and `lan2` of a folder: one address
 * with prefix length a line, no file for a LAN without any. Who writes them renames into place; a file that is half
 * written all the same counts as not yet changed.
 */
export class NetworkAddresses {
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #lans = new Map<Lan, readonly string[]>();
  /** Files that were complained about, until they can be read again. */
  readonly #unreadable = new Set<Lan>();
  readonly #watcher: FSWatcher;

  private constructor(directory: string, onChange: () => void, logger: Logger) {
    this.#directory = directory;
    this.#logger = logger;
    this.#watcher = watch(directory, { persistent: false }, (_event, name) => {
      if (LANS.some((lan) => name === null || name === lan) && this.#read()) onChange();
    });
    this.#watcher.on('error', (error) => logger.error({ err: error, directory }, 'the LANs are not followed any more'));
    // After the watch began, or what changes in between would be missed.
    this.#read();
  }

  /** `onChange` is called after each change of `addresses`, never before this returns. Throws UsageError SYSTEM_NETWORK_FOLDER. */
  static follow(directory: string, onChange: () => void, logger: Logger): NetworkAddresses {
    try {
      return new NetworkAddresses(directory, onChange, logger);
    } catch (cause) {
      throw new UsageError(
        'SYSTEM_NETWORK_FOLDER',
        `the addresses of the LANs cannot be followed in ${directory}: ${cause instanceof Error ? cause.message : String(cause)}`,
        'Give a folder that is there and that this user may read, with --network.',
        { cause },
      );
    }
  }

  /** Of both LANs, each once, without prefix length. */
  get addresses(): readonly string[] {
    return [...new Set(LANS.flatMap((lan) => this.#lans.get(lan) ?? []))];
  }

  /** The LAN that has this address; undefined where neither has. */
  lanOf(address: string): Lan | undefined {
    return LANS.find((lan) => this.#lans.get(lan)?.includes(address));
  }

  /** Idempotent. */
  close(): void {
    this.#watcher.close();
  }

  /** True when an address came or went. */
  #read(): boolean {
    const before = this.addresses.join();
    for (const lan of LANS) {
      const addresses = this.#readLan(lan);
      if (addresses !== undefined) {
        this.#lans.set(lan, addresses);
        this.#unreadable.delete(lan);
      } else if (!this.#unreadable.has(lan)) {
        this.#unreadable.add(lan);
        const file = join(this.#directory, lan);
        this.#logger.warn({ file }, 'this is no list of addresses with prefix length: the last one holds');
      }
    }
    return this.addresses.join() !== before;
  }

  /** Undefined: what is there says nothing. */
  #readLan(lan: Lan): readonly string[] | undefined {
    try {
      return parseAddresses(readFileSync(join(this.#directory, lan), 'utf8'));
    } catch (error) {
      return error instanceof Error && 'code' in error && error.code === 'ENOENT' ? [] : undefined;
    }
  }
}

/** Undefined unless every line is whole: an address, a slash, its prefix length. An empty text is not whole either. */
export function parseAddresses(text: string): readonly string[] | undefined {
  if (!text.endsWith('\n')) return undefined;
  const lines = text.slice(0, -1).split('\n');
  const addresses = lines.flatMap((line) => {
    const [, address = '', length = ''] = /^([0-9A-Fa-f.:]+)\/([0-9]{1,3})$/.exec(line) ?? [];
    const isWhole = isIP(address) !== 0 && Number(length) <= (isIPv6(address) ? 128 : 32);
    return isWhole ? [canonicalAddress(address)] : [];
  });
  return addresses.length === lines.length ? addresses : undefined;
}

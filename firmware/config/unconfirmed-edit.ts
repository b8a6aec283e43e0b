import type { Statement } from 'better-sqlite3';
import { UsageError } from '../core/errors.ts';
import type { Change } from './changes.ts';
import type { Database } from './database.ts';

/** An edit of LAN addresses that is taken back at its deadline unless somebody confirms it. */
export interface Unconfirmed {
  readonly revision: number;
  /** Milliseconds since the Unix epoch. */
  readonly deadlineMs: number;
}

/** How long whoever changed an address has to come back over the new one. */
export const CONFIRM_WITHIN_MS = 120_000;

/** The one row of the table `unconfirmed`. */
export class UnconfirmedEdit {
  readonly #get: Statement<[], Unconfirmed>;
  readonly #set: Statement<[number, number]>;
  readonly #clear: Statement<[]>;

  constructor(database: Database) {
    this.#get = database.prepare('SELECT revision, deadline_ms AS deadlineMs FROM unconfirmed');
    this.#set = database.prepare('INSERT INTO unconfirmed (id, revision, deadline_ms) VALUES (1, ?, ?)');
    this.#clear = database.prepare('DELETE FROM unconfirmed');
  }

  get(): Unconfirmed | undefined {
    return this.#get.get();
  }

  set({ revision, deadlineMs }: Unconfirmed): void {
    this.#set.run(revision, deadlineMs);
  }

  clear(): void {
    this.#clear.run();
  }

  /**
   * What an edit has to wait for; undefined for one that breaks no connection, and where nobody asks for a confirmation.
   * Throws UsageError CONFIG_UNCONFIRMED: a second change of addresses would make it unclear what to go back to.
   */
  plan(
    revision: number,
    changes: readonly Change[],
    confirmWithinMs: number | undefined,
    nowMs: number,
  ): Unconfirmed | undefined {
    if (changedLans(changes).length === 0) return undefined;
    const waiting = this.get();
    if (waiting !== undefined) throw stillUnconfirmed(waiting);
    return confirmWithinMs === undefined ? undefined : { revision, deadlineMs: nowMs + confirmWithinMs };
  }
}

/** The LANs whose addresses an edit changes: what is connected to them by the old ones drops. */
export function changedLans(changes: readonly Change[]): readonly ('lan1' | 'lan2')[] {
  return (['lan1', 'lan2'] as const).filter((lan) =>
    changes.some(({ path: [first, second] }) => first === lan && (second === 'ipv4' || second === 'ipv6')),
  );
}

export function nothingToConfirm(): UsageError {
  return new UsageError(
    'CONFIG_NOTHING_TO_CONFIRM',
    'no edit waits to be confirmed',
    'It was confirmed already, or taken back when its time was over: ringdown config log tells.',
  );
}

function stillUnconfirmed({ revision }: Unconfirmed): UsageError {
  return new UsageError(
    'CONFIG_UNCONFIRMED',
    `revision ${revision} changed LAN addresses and is not confirmed yet`,
    `Confirm it with ringdown config confirm, or take it back with ringdown config rollback ${revision - 1}.`,
  );
}

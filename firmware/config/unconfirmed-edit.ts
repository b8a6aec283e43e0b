import type { Statement } from 'better-sqlite3';
import { UsageError } from '../core/errors.ts';
import type { Change } from './changes.ts';
import type { Database } from './database.ts';
import { withValue } from './path.ts';
import type { Configuration, LanSettings } from './schema/configuration.ts';
import { isEqual, isRecord } from './schema/tree.ts';

/** An edit of LAN addresses that is taken back at its deadline unless somebody confirms it. */
export interface Unconfirmed {
  readonly revision: number;
  /** Milliseconds since the Unix epoch; for people, since the clock of a box may jump. */
  readonly deadlineMs: number;
}

/** How long whoever changed an address has to come back over the new one. */
export const CONFIRM_WITHIN_MS = 120_000;

type Lan = 'lan1' | 'lan2';
const LANS: readonly Lan[] = ['lan1', 'lan2'];
/** What a LAN goes back to. The pool of its DHCP server only where the edits since leave nothing else. */
const ADDRESS_FIELDS = ['ipv4', 'ipv6'] as const;
const ALL_FIELDS = ['ipv4', 'ipv6', 'dhcp'] as const;

interface Row extends Unconfirmed {
  readonly confirmed: string;
}

/** The one row of the table `unconfirmed`. Every method is to be called within the transaction of an edit. */
export class UnconfirmedEdit {
  readonly #get: Statement<[], Row>;
  readonly #set: Statement<[number, number, string]>;
  readonly #clear: Statement<[]>;

  constructor(database: Database) {
    this.#get = database.prepare('SELECT revision, deadline_ms AS deadlineMs, confirmed FROM unconfirmed');
    this.#set = database.prepare('INSERT INTO unconfirmed (id, revision, deadline_ms, confirmed) VALUES (1, ?, ?, ?)');
    this.#clear = database.prepare('DELETE FROM unconfirmed');
  }

  get(): Unconfirmed | undefined {
    const row = this.#get.get();
    return row === undefined ? undefined : { revision: row.revision, deadlineMs: row.deadlineMs };
  }

  clear(): void {
    this.#clear.run();
  }

  /**
   * Notes what an edit has to wait for; undefined for one that breaks no connection, and where nobody asks for a
   * confirmation. An edit that goes back to the addresses that were confirmed last takes the place of the confirmation.
   * Throws UsageError CONFIG_UNCONFIRMED: a third set of addresses would make it unclear what to go back to.
   */
  note(edit: Unconfirmed, before: Configuration, after: Configuration, isWanted: boolean): Unconfirmed | undefined {
    if (isEqual(lansOf(before, ADDRESS_FIELDS), lansOf(after, ADDRESS_FIELDS))) return undefined;
    const waiting = this.#get.get();
    if (waiting !== undefined) {
      const confirmed = parse(waiting);
      if (!LANS.every((lan) => hasAddresses(after[lan], confirmed[lan]))) throw stillUnconfirmed(waiting);
      this.clear();
      return undefined;
    }
    if (!isWanted) return undefined;
    this.#set.run(edit.revision, edit.deadlineMs, JSON.stringify(lansOf(before, ALL_FIELDS)));
    return edit;
  }

  /**
   * The configuration with the addresses that were confirmed last, and nothing else taken back; undefined where nothing
   * waits. `withPools`: the pools of the DHCP servers too, for where the present ones do not fit these addresses.
   */
  undone(configuration: Configuration, withPools: boolean): Configuration | undefined {
    const waiting = this.#get.get();
    if (waiting === undefined) return undefined;
    const confirmed = parse(waiting);
    const fields = withPools ? ALL_FIELDS : ADDRESS_FIELDS;
    return LANS.reduce(
      (whole, lan) =>
        fields.reduce((inner, field) => withValue(inner, [lan, field], member(confirmed[lan], field)), whole),
      configuration,
    );
  }
}

function lansOf(configuration: Configuration, fields: readonly (keyof LanSettings)[]): Record<Lan, unknown> {
  const of = (lan: Lan) => Object.fromEntries(fields.map((field) => [field, configuration[lan][field]]));
  return { lan1: of('lan1'), lan2: of('lan2') };
}

function hasAddresses(settings: LanSettings, confirmed: unknown): boolean {
  return ADDRESS_FIELDS.every((field) => isEqual(settings[field], member(confirmed, field)));
}

function member(value: unknown, key: string): unknown {
  return isRecord(value) ? value[key] : undefined;
}

function parse({ confirmed }: Row): Record<Lan, unknown> {
  const value: unknown = JSON.parse(confirmed);
  return { lan1: member(value, 'lan1'), lan2: member(value, 'lan2') };
}

/** The LANs whose addresses an edit changes: what is connected to them by the old ones drops. */
export function changedLans(changes: readonly Change[]): readonly Lan[] {
  return LANS.filter((lan) =>
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

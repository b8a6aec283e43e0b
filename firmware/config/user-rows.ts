import { type Path, withValue } from './path.ts';
import type { Configuration } from './schema/configuration.ts';
import type { SipPassword } from './secrets/make-secret.ts';

/**
 * Those of the cloud service's import of users (seeds: CSV), then ours, since a user of the box has a number. A phone of
 * the former is contact data and never the extension.
 */
export const USER_COLUMNS = [
  'email',
  'firstname',
  'lastname',
  'middlename',
  'workphone',
  'homephone',
  'cellphone',
  'language',
  'address',
  'city',
  'region',
  'postal',
  'country',
  'extension',
  'profile',
  'class',
  'name',
] as const;
export type UserColumn = (typeof USER_COLUMNS)[number];

/** Of a cell, or of the options. */
export interface Setting {
  readonly column: UserColumn;
  readonly path: Path;
  readonly value: string;
}

interface Row {
  /** In the file, from 1. */
  readonly line: number;
  /** Empty where it is not known. */
  readonly number: string;
  readonly name: string;
}

export interface RowError extends Row {
  readonly fate: 'error';
  /** Undefined where it is the whole row. */
  readonly column: UserColumn | undefined;
  /** What stands there, short and safe to print; empty where nothing does. */
  readonly value: string;
  /** Continues the column: "must be an e-mail address". */
  readonly problem: string;
  /** What to do; a sentence. */
  readonly cure: string;
}

/** What becomes of one row. */
export type UserRow =
  | (Row & {
      readonly fate: 'create';
      readonly settings: readonly Setting[];
      /** To be told once: the configuration keeps only its digests. */
      readonly password: string;
      readonly secrets: SipPassword;
    })
  | (Row & { readonly fate: 'update'; readonly settings: readonly Setting[] })
  | (Row & { readonly fate: 'unchanged' })
  | RowError;

/** The configuration as it shall be, for the check and for the store's edit. Rows that are errors change nothing. */
export function applyRows(configuration: Configuration, rows: readonly UserRow[]): unknown {
  let whole: unknown = configuration;
  for (const row of rows) {
    if (row.fate === 'create') {
      whole = withValue(whole, ['users', row.number], { name: row.name });
      whole = withValue(whole, ['extensions', row.number], { user: row.number, ...row.secrets });
    }
    if (row.fate === 'create' || row.fate === 'update') {
      for (const { path, value } of row.settings) whole = withValue(whole, path, value);
    }
  }
  return whole;
}

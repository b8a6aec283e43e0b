import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isRecord } from './schema/tree.ts';
import { TIME_STAMP } from './time-stamp.ts';

/*
 * What lies in `<data>/backups/`: NAME.db, a database in one file, and NAME.json, its manifest. The manifest is written
 * last: without one there is no backup. NAME is `2026-11-25T182000Z-r42-import`.
 */

export const BACKUP_REASONS = ['daily', 'manual', 'import', 'rollback', 'restart'] as const;
export type BackupReason = (typeof BACKUP_REASONS)[number];

const MANIFEST_FORMAT = 1;

export interface BackupManifest {
  readonly format: typeof MANIFEST_FORMAT;
  /** Of the program that made it. */
  readonly productVersion?: string;
  /** The `user_version` of the database. */
  readonly schemaVersion: number;
  readonly revision: number;
  /** ISO 8601, as the clock of the box was; the name never goes back. */
  readonly createdAt: string;
  readonly reason: BackupReason;
  readonly sizeBytes: number;
  /** Of the database, lower-case hex. */
  readonly sha256: string;
}

export type BackupEntry =
  | { readonly kind: 'whole'; readonly name: string; readonly manifest: BackupManifest }
  | { readonly kind: 'broken'; readonly name: string; readonly problem: string }
  /** By this user, or from this disk, at this time: nothing is known to be wrong with it. */
  | { readonly kind: 'unreadable'; readonly name: string; readonly problem: string }
  /** A newer program made it, in a way that this one does not know. */
  | { readonly kind: 'newer'; readonly name: string };

const NAME = new RegExp(`^(?<stamp>${TIME_STAMP})-r\\d{1,10}-(?:${BACKUP_REASONS.join('|')})$`);
const MAX_MANIFEST_BYTES = 4096;

export function backupDirectory(dataDirectory: string): string {
  return join(dataDirectory, 'backups');
}

/** Everything else in the directory is somebody else's. */
export function isBackupName(name: string): boolean {
  return NAME.test(name);
}

export function stampOf(name: string): string | undefined {
  return NAME.exec(name)?.groups?.stamp;
}

/** The newest first. Cheap: the databases are not read. */
export function listBackups(directory: string): readonly BackupEntry[] {
  return namesIn(directory)
    .filter((name) => name.endsWith('.json') && isBackupName(name.slice(0, -'.json'.length)))
    .map((name) => name.slice(0, -'.json'.length))
    .sort()
    .reverse()
    .map((name) => readEntry(directory, name));
}

/** No names where there is no directory. */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

export function formatManifest(manifest: Omit<BackupManifest, 'format'>): string {
  return `${JSON.stringify({ format: MANIFEST_FORMAT, ...manifest }, null, 2)}\n`;
}

function readEntry(directory: string, name: string): BackupEntry {
  const broken = (problem: string): BackupEntry => ({ kind: 'broken', name, problem });
  try {
    const manifest = readManifest(join(directory, `${name}.json`));
    if (manifest === undefined) return broken('its manifest cannot be read');
    if (manifest === 'newer') return { kind: 'newer', name };
    const size = statSync(join(directory, `${name}.db`), { throwIfNoEntry: false })?.size;
    if (size === undefined) return broken('its database is missing');
    if (size !== manifest.sizeBytes) return broken(`its database has ${size} bytes instead of ${manifest.sizeBytes}`);
    return { kind: 'whole', name, manifest };
  } catch (error) {
    const code = error instanceof Error && 'syscall' in error && 'code' in error ? String(error.code) : '';
    if (code === '' || code === 'ENOENT' || code === 'EISDIR') return broken('its manifest cannot be read');
    return { kind: 'unreadable', name, problem: `its manifest cannot be read (${code})` };
  }
}

function readManifest(file: string): BackupManifest | 'newer' | undefined {
  if (statSync(file).size > MAX_MANIFEST_BYTES) return undefined;
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (!isRecord(value) || !isCount(value.format)) return undefined;
  if (value.format > MANIFEST_FORMAT) return 'newer';
  const { format, schemaVersion, revision, createdAt, sizeBytes, sha256, productVersion } = value;
  const reason = BACKUP_REASONS.find((known) => known === value.reason);
  const isRight =
    format === MANIFEST_FORMAT &&
    reason !== undefined &&
    typeof createdAt === 'string' &&
    !Number.isNaN(Date.parse(createdAt)) &&
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    (productVersion === undefined || typeof productVersion === 'string');
  if (!isRight || !isCount(schemaVersion) || !isCount(revision) || !isCount(sizeBytes)) return undefined;
  return {
    format,
    schemaVersion,
    revision,
    createdAt,
    reason,
    sizeBytes,
    sha256,
    ...(productVersion === undefined ? {} : { productVersion }),
  };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

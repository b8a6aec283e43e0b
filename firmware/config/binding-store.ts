import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Statement, Transaction } from 'better-sqlite3';
import type { Clock, Timer } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Database } from './database.ts';
import { openReplaceable } from './replaceable-database.ts';
import { storageError } from './storage-error.ts';

/** The way by which a device registered. */
export interface StoredFlow {
  readonly protocol: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** One Contact of an address of record (RFC 3261 §10). */
export interface StoredBinding {
  /** The Contact URI as the device wrote it. */
  readonly contact: string;
  readonly callId: string;
  readonly cSeq: number;
  /** Milliseconds since the Unix epoch. */
  readonly expiresAtMs: number;
  readonly flow: StoredFlow;
  readonly userAgent?: string;
  /** `+sip.instance` (RFC 5626 §4.1). */
  readonly instance?: string;
  /** RFC 5626 §4.2. */
  readonly regId?: number;
  readonly q?: number;
  /** RFC 3327. */
  readonly path?: readonly string[];
  /** RFC 3840, as parameters. */
  readonly capabilities?: string;
  /** RFC 5627. */
  readonly publicGruu?: string;
  /** Behind a NAT that forgets the device unless it hears from us. */
  readonly needsKeepAlive?: true;
}

export interface LoadedBinding {
  readonly aor: string;
  readonly binding: StoredBinding;
}

const FILE_NAME = 'bindings.db';

/** The least time between two commits: a box full of phones must not wear out its flash. */
const COMMIT_INTERVAL_MS = 1000;

const SCHEMA_VERSION = 2;
const SCHEMA = `
  CREATE TABLE bindings (
    aor TEXT NOT NULL,
    position INTEGER NOT NULL,
    contact TEXT NOT NULL,
    call_id TEXT NOT NULL,
    cseq INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    user_agent TEXT,
    instance TEXT,
    protocol TEXT NOT NULL,
    local_address TEXT NOT NULL,
    local_port INTEGER NOT NULL,
    remote_address TEXT NOT NULL,
    remote_port INTEGER NOT NULL,
    PRIMARY KEY (aor, position)
  ) STRICT, WITHOUT ROWID;
`;
/** What version 2 adds. The key is for what devices are told that must hold as long as their bindings do. */
const SECOND_VERSION = `
  ALTER TABLE bindings ADD COLUMN reg_id INTEGER;
  ALTER TABLE bindings ADD COLUMN q REAL;
  ALTER TABLE bindings ADD COLUMN path TEXT;
  ALTER TABLE bindings ADD COLUMN capabilities TEXT;
  ALTER TABLE bindings ADD COLUMN public_gruu TEXT;
  ALTER TABLE bindings ADD COLUMN needs_keep_alive INTEGER;
  CREATE TABLE secret (id INTEGER PRIMARY KEY CHECK (id = 1), key BLOB NOT NULL DEFAULT (randomblob(32))) STRICT;
  INSERT INTO secret (id) VALUES (1);
  PRAGMA user_version = ${SCHEMA_VERSION};
`;
/** Each column with its name in a row. */
const COLUMNS = {
  aor: 'aor',
  position: 'position',
  contact: 'contact',
  callId: 'call_id',
  cSeq: 'cseq',
  expiresAtMs: 'expires_at_ms',
  userAgent: 'user_agent',
  instance: 'instance',
  protocol: 'protocol',
  localAddress: 'local_address',
  localPort: 'local_port',
  remoteAddress: 'remote_address',
  remotePort: 'remote_port',
  regId: 'reg_id',
  q: 'q',
  path: 'path',
  capabilities: 'capabilities',
  publicGruu: 'public_gruu',
  needsKeepAlive: 'needs_keep_alive',
} satisfies Record<keyof Row, string>;

interface Row {
  readonly aor: string;
  readonly position: number;
  readonly contact: string;
  readonly callId: string;
  readonly cSeq: number;
  readonly expiresAtMs: number;
  readonly userAgent: string | null;
  readonly instance: string | null;
  readonly protocol: StoredFlow['protocol'];
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly regId: number | null;
  readonly q: number | null;
  /** JSON. */
  readonly path: string | null;
  readonly capabilities: string | null;
  readonly publicGruu: string | null;
  readonly needsKeepAlive: 1 | null;
}

type Pending = ReadonlyMap<string, readonly StoredBinding[]>;

/**
 * Where bindings outlive the process, apart from the configuration. Writes are queued and made in one transaction at
 * most once a second; `save` never touches the disk. What a power cut takes comes back with the next REGISTER, so
 * commits are not waited for (`synchronous=NORMAL`: the file stays whole) and a damaged file is replaced, not mended.
 */
export class BindingStore {
  /** 32 random bytes that last as long as the bindings. */
  readonly key: Buffer;
  readonly #database: Database;
  readonly #file: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #select: Statement<[], Row>;
  readonly #write: Transaction<(pending: Pending) => void>;
  /** One entry for each address of record at most: a later `save` replaces an earlier one. */
  readonly #pending = new Map<string, readonly StoredBinding[]>();
  /** What stands on the disk, as far as this process wrote it. */
  readonly #written = new Map<string, readonly StoredBinding[]>();
  #timer: Timer | undefined;
  #failing = false;
  #closed = false;

  private constructor(database: Database, file: string, clock: Clock, logger: Logger) {
    this.#database = database;
    this.#file = file;
    this.#clock = clock;
    this.#logger = logger;
    this.#select = database.prepare(
      `SELECT ${Object.entries(COLUMNS).map(([name, column]) => `${column} AS ${name}`)}
       FROM bindings ORDER BY aor, position`,
    );
    this.key = database.prepare<[], Buffer>('SELECT key FROM secret').pluck().get() ?? randomBytes(32);
    const remove = database.prepare<[string]>('DELETE FROM bindings WHERE aor = ?');
    const insert = database.prepare<[Row]>(
      `INSERT INTO bindings (${Object.values(COLUMNS)}) VALUES (${Object.keys(COLUMNS).map((name) => `@${name}`)})`,
    );
    const refresh = database.prepare<[number, number, string, number]>(
      'UPDATE bindings SET cseq = ?, expires_at_ms = ? WHERE aor = ? AND position = ?',
    );
    const write = (aor: string, bindings: readonly StoredBinding[]): void => {
      const written = this.#written.get(aor);
      // Of a hundred REGISTERs ninety-nine say no more than that a device is still there.
      if (written?.length === bindings.length && bindings.every((each, at) => isRefresh(each, written[at]))) {
        for (const [position, { cSeq, expiresAtMs }] of bindings.entries()) {
          if (written[position] === bindings[position]) continue;
          refresh.run(cSeq, Math.trunc(expiresAtMs), aor, position);
        }
        return;
      }
      remove.run(aor);
      for (const [position, binding] of bindings.entries()) insert.run(toRow(aor, position, binding));
    };
    this.#write = database.transaction((pending) => {
      for (const [aor, bindings] of pending) write(aor, bindings);
    });
  }

  /**
   * Opens DIR/bindings.db. A damaged one, or one of a newer version, is set aside as bindings.db.damaged and made new,
   * with one warning. Throws UsageError CONFIG_DATA_NOT_WRITABLE, CONFIG_DATABASE_LOCKED, CONFIG_DISK_FULL.
   */
  static open(directory: string, clock: Clock, logger: Logger): BindingStore {
    const file = join(directory, FILE_NAME);
    const { database, isReplaced } = openReplaceable({ file, schemaVersion: SCHEMA_VERSION, bringUp });
    if (isReplaced) {
      logger.warn({ file, keptAs: `${file}.damaged` }, 'bindings could not be read: devices must register again');
    }
    try {
      // Those that expired while the box was off would otherwise stay for ever: nobody loads them.
      database.prepare('DELETE FROM bindings WHERE expires_at_ms <= ?').run(clock.now());
      return new BindingStore(database, file, clock, logger);
    } catch (error) {
      database.close();
      throw storageError(file, error);
    }
  }

  /** What is on the disk; saves that are still queued are not in it. In the order in which they were saved. */
  load(): readonly LoadedBinding[] {
    return this.#select.all().map(fromRow);
  }

  /** Replaces all bindings of `aor`, within a second. An empty list removes them. After `close` it does nothing. */
  save(aor: string, bindings: readonly StoredBinding[]): void {
    if (this.#closed) return;
    this.#pending.set(aor, bindings);
    this.#timer ??= this.#clock.schedule(COMMIT_INTERVAL_MS, () => this.flush());
  }

  /** Writes what is queued, now. A failure is logged once, keeps the queue and tries again a second later. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#pending.size === 0) return;
    try {
      this.#write.immediate(this.#pending);
      for (const [aor, bindings] of this.#pending) {
        if (bindings.length === 0) this.#written.delete(aor);
        else this.#written.set(aor, bindings);
      }
      this.#pending.clear();
      if (this.#failing) this.#logger.info({ file: this.#file }, 'bindings are written again');
      this.#failing = false;
    } catch (error) {
      const { code, message, cure } = storageError(this.#file, error);
      if (!this.#failing) this.#logger.warn({ code, cure, file: this.#file }, `bindings are not written: ${message}`);
      this.#failing = true;
      if (!this.#closed) this.#timer = this.#clock.schedule(COMMIT_INTERVAL_MS, () => this.flush());
    }
  }

  /** Writes what is queued and closes the file. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.flush();
    this.#database.close();
  }
}

function bringUp(database: Database, found: number): void {
  if (found < 1) database.exec(SCHEMA);
  if (found < 2) database.exec(SECOND_VERSION);
}

/** Whether a binding says what the other one said, but for how long it lasts. */
function isRefresh(binding: StoredBinding, before: StoredBinding | undefined): boolean {
  if (binding === before) return true;
  if (before === undefined) return false;
  const { flow, path } = binding;
  return (
    binding.contact === before.contact &&
    binding.callId === before.callId &&
    binding.userAgent === before.userAgent &&
    binding.instance === before.instance &&
    binding.regId === before.regId &&
    binding.q === before.q &&
    binding.capabilities === before.capabilities &&
    binding.publicGruu === before.publicGruu &&
    binding.needsKeepAlive === before.needsKeepAlive &&
    flow.protocol === before.flow.protocol &&
    flow.localAddress === before.flow.localAddress &&
    flow.localPort === before.flow.localPort &&
    flow.remoteAddress === before.flow.remoteAddress &&
    flow.remotePort === before.flow.remotePort &&
    path?.join() === before.path?.join()
  );
}

function toRow(aor: string, position: number, binding: StoredBinding): Row {
  const { contact, callId, cSeq, flow } = binding;
  return {
    aor,
    position,
    contact,
    callId,
    cSeq,
    expiresAtMs: Math.trunc(binding.expiresAtMs),
    userAgent: binding.userAgent ?? null,
    instance: binding.instance ?? null,
    protocol: flow.protocol,
    localAddress: flow.localAddress,
    localPort: flow.localPort,
    remoteAddress: flow.remoteAddress,
    remotePort: flow.remotePort,
    regId: binding.regId ?? null,
    q: binding.q ?? null,
    path: binding.path === undefined ? null : JSON.stringify(binding.path),
    capabilities: binding.capabilities ?? null,
    publicGruu: binding.publicGruu ?? null,
    needsKeepAlive: binding.needsKeepAlive === true ? 1 : null,
  };
}

function fromRow(row: Row): LoadedBinding {
  const { aor, contact, callId, cSeq, expiresAtMs, userAgent, instance, regId, q, capabilities, publicGruu } = row;
  const { protocol, localAddress, localPort, remoteAddress, remotePort } = row;
  const path = row.path === null ? undefined : texts(row.path);
  return {
    aor,
    binding: {
      contact,
      callId,
      cSeq,
      expiresAtMs,
      flow: { protocol, localAddress, localPort, remoteAddress, remotePort },
      ...(userAgent === null ? {} : { userAgent }),
      ...(instance === null ? {} : { instance }),
      ...(regId === null ? {} : { regId }),
      ...(q === null ? {} : { q }),
      ...(path === undefined ? {} : { path }),
      ...(capabilities === null ? {} : { capabilities }),
      ...(publicGruu === null ? {} : { publicGruu }),
      ...(row.needsKeepAlive === null ? {} : { needsKeepAlive: true as const }),
    },
  };
}

function texts(json: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? value.map(String) : undefined;
  } catch {
    return undefined;
  }
}

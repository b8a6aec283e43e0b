import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Statement, Transaction } from 'better-sqlite3';
import type { Clock, Timer } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { type Database, openDatabase, prepareDirectory } from './database.ts';
import { isDamage, storageError } from './storage-error.ts';

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
}

export interface LoadedBinding {
  readonly aor: string;
  readonly binding: StoredBinding;
}

const FILE_NAME = 'bindings.db';

/** The least time between two commits: a box full of phones must not wear out its flash. */
const COMMIT_INTERVAL_MS = 1000;

const SCHEMA_VERSION = 1;
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
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

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
}

type Pending = ReadonlyMap<string, readonly StoredBinding[]>;

/**
 * Where bindings outlive the process, apart from the configuration. Writes are queued and made in one transaction at
 * most once a second; `save` never touches the disk. What a power cut takes comes back with the next REGISTER, so
 * commits are not waited for (`synchronous=NORMAL`: the file stays whole) and a damaged file is replaced, not mended.
 */
export class BindingStore {
  readonly #database: Database;
  readonly #file: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #select: Statement<[], Row>;
  readonly #write: Transaction<(pending: Pending) => void>;
  /** One entry for each address of record at most: a later `save` replaces an earlier one. */
  readonly #pending = new Map<string, readonly StoredBinding[]>();
  #timer: Timer | undefined;
  #failing = false;
  #closed = false;

  private constructor(database: Database, file: string, clock: Clock, logger: Logger) {
    this.#database = database;
    this.#file = file;
    this.#clock = clock;
    this.#logger = logger;
    this.#select = database.prepare(
      `SELECT aor, position, contact, call_id AS callId, cseq AS cSeq, expires_at_ms AS expiresAtMs,
         user_agent AS userAgent, instance, protocol, local_address AS localAddress, local_port AS localPort,
         remote_address AS remoteAddress, remote_port AS remotePort
       FROM bindings ORDER BY aor, position`,
    );
    const remove = database.prepare<[string]>('DELETE FROM bindings WHERE aor = ?');
    const insert = database.prepare<[Row]>(
      `INSERT INTO bindings (aor, position, contact, call_id, cseq, expires_at_ms, user_agent, instance, protocol,
         local_address, local_port, remote_address, remote_port)
       VALUES (@aor, @position, @contact, @callId, @cSeq, @expiresAtMs, @userAgent, @instance, @protocol,
         @localAddress, @localPort, @remoteAddress, @remotePort)`,
    );
    this.#write = database.transaction((pending) => {
      for (const [aor, bindings] of pending) {
        remove.run(aor);
        for (const [position, binding] of bindings.entries()) insert.run(toRow(aor, position, binding));
      }
    });
  }

  /**
   * Opens DIR/bindings.db. A damaged one, or one of another version, is set aside as bindings.db.damaged and made new,
   * with one warning. Throws UsageError CONFIG_DATA_NOT_WRITABLE, CONFIG_DATABASE_LOCKED, CONFIG_DISK_FULL.
   */
  static open(directory: string, clock: Clock, logger: Logger): BindingStore {
    prepareDirectory(directory);
    const file = join(directory, FILE_NAME);
    let database = openSound(file);
    if (database === undefined) {
      setAside(file);
      logger.warn({ file, keptAs: `${file}.damaged` }, 'bindings could not be read: devices must register again');
      database = openDatabase(file, 'NORMAL');
    }
    try {
      if (version(database) === 0) database.transaction(() => database.exec(SCHEMA)).immediate();
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

/** Undefined: the file is damaged, or of another version. It is ours to replace either way. */
function openSound(file: string): Database | undefined {
  let database: Database;
  try {
    database = openDatabase(file, 'NORMAL');
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
  const found = version(database);
  if (found === 0 || found === SCHEMA_VERSION) return database;
  database.close();
  return undefined;
}

/** One damaged file is kept for a look at it; a second one replaces the first, so that the disk does not fill up. */
function setAside(file: string): void {
  try {
    renameSync(file, `${file}.damaged`);
    for (const suffix of ['-wal', '-shm']) if (existsSync(file + suffix)) rmSync(file + suffix);
  } catch (error) {
    throw storageError(file, error);
  }
}

function version(database: Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}

function toRow(aor: string, position: number, binding: StoredBinding): Row {
  const { contact, callId, cSeq, expiresAtMs, userAgent, instance, flow } = binding;
  return {
    aor,
    position,
    contact,
    callId,
    cSeq,
    expiresAtMs: Math.trunc(expiresAtMs),
    userAgent: userAgent ?? null,
    instance: instance ?? null,
    protocol: flow.protocol,
    localAddress: flow.localAddress,
    localPort: flow.localPort,
    remoteAddress: flow.remoteAddress,
    remotePort: flow.remotePort,
  };
}

function fromRow(row: Row): LoadedBinding {
  const { aor, contact, callId, cSeq, expiresAtMs, userAgent, instance } = row;
  const { protocol, localAddress, localPort, remoteAddress, remotePort } = row;
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
    },
  };
}

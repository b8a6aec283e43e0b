import { join } from 'node:path';
import type { Statement } from 'better-sqlite3';
import type { Database } from '../../config/database.ts';
import { syncToDiskLater } from '../../config/durable-files.ts';
import { openReplaceable } from '../../config/replaceable-database.ts';
import { storageError } from '../../config/storage-error.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Draft, MailboxCounts, MailboxLimits, VoiceMessage } from './message.ts';
import { MAX_BYTES_PER_SECOND, MessageFiles } from './message-files.ts';

export interface MessageStoreOptions {
  /** Of the database. */
  readonly directory: string;
  /** Of the files: the `mailbox` folder in that of the media worker's sounds. */
  readonly files: string;
  readonly limits: () => MailboxLimits;
  readonly clock: Clock;
  readonly logger: Logger;
}

const SCHEMA_VERSION = 1;
const SCHEMA = `
  CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    user TEXT NOT NULL,
    caller_number TEXT NOT NULL,
    caller_name TEXT NOT NULL,
    received_at_ms INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    heard_at_ms INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX messages_by_user ON messages (user, received_at_ms);
  CREATE TABLE greetings (user TEXT PRIMARY KEY, id TEXT NOT NULL) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** A message that leaves no room for so much more is the last one. */
const MIN_ROOM_MS = 5000;
const PRUNE_INTERVAL_MS = 3_600_000;
const DAY_MS = 86_400_000;
const MAX_NAME_CHARACTERS = 128;
/** Of all users, beyond any 15 hours of them: what is shorter than a second is no message. */
const MAX_MESSAGES = 54_000;

interface Row {
  readonly id: string;
  readonly user: string;
  readonly caller_number: string;
  readonly caller_name: string;
  readonly received_at_ms: number;
  readonly duration_ms: number;
  readonly size_bytes: number;
  readonly heard_at_ms: number | null;
}

/**
 * The messages of all mailboxes. A row makes a file a message: it is written once the whole file is on the disk, and removed
 * before the file is, so that after a power cut a message is there whole or not at all. Files without a row are removed at the
 * next start; where the table itself was damaged, they are taken up again.
 */
export class MessageStore {
  readonly #options: MessageStoreOptions;
  readonly #database: Database;
  readonly #file: string;
  readonly #files: MessageFiles;
  readonly #insert: Statement<[Row]>;
  readonly #listeners = new Set<(user: string) => void>();
  /** By id, until they are kept or dropped. */
  readonly #drafts = new Map<string, Draft>();
  #pruning: Timer | undefined;
  #isClosed = false;

  private constructor(options: MessageStoreOptions, database: Database, file: string) {
    this.#options = options;
    this.#database = database;
    this.#file = file;
    this.#files = new MessageFiles(options.files);
    this.#insert = database.prepare(
      `INSERT INTO messages (id, user, caller_number, caller_name, received_at_ms, duration_ms, size_bytes, heard_at_ms)
       VALUES (@id, @user, @caller_number, @caller_name, @received_at_ms, @duration_ms, @size_bytes, @heard_at_ms)`,
    );
  }

  /**
   * Opens DIR/mailbox.db and its files. Throws UsageError CONFIG_DATA_NOT_WRITABLE, CONFIG_DATABASE_LOCKED,
   * CONFIG_DISK_FULL.
   */
  static open(options: MessageStoreOptions): MessageStore {
    const { directory, logger } = options;
    const file = join(directory, 'mailbox.db');
    const { database, isReplaced } = openReplaceable({
      file,
      schemaVersion: SCHEMA_VERSION,
      bringUp: (database, version) => {
        if (version < 1) database.exec(SCHEMA);
      },
    });
    try {
      const store = new MessageStore(options, database, file);
      if (isReplaced) {
        const count = store.#takeUp();
        logger.warn({ file, keptAs: `${file}.damaged`, count }, 'the list of voice messages was damaged: made anew');
      } else {
        store.#clear();
      }
      store.#prune();
      return store;
    } catch (error) {
      database.close();
      throw storageError(file, error);
    }
  }

  /** What is in a mailbox is something else. The returned function ends it. It must not throw. */
  onChange(listener: (user: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  counts(user: string): MailboxCounts {
    const row = this.#database
      .prepare<[string], { fresh: number; old: number }>(
        'SELECT count(*) - count(heard_at_ms) AS fresh, count(heard_at_ms) AS old FROM messages WHERE user = ?',
      )
      .get(user);
    return { newMessages: row?.fresh ?? 0, oldMessages: row?.old ?? 0 };
  }

  /** Those that are new first, then by age, the oldest first; of everybody where no user is given. */
  list(user?: string): readonly VoiceMessage[] {
    const where = user === undefined ? '' : 'WHERE user = ?';
    const order = 'ORDER BY user, heard_at_ms IS NOT NULL, received_at_ms, id';
    const statement = this.#database.prepare<string[], Row>(`SELECT * FROM messages ${where} ${order}`);
    return (user === undefined ? statement.all() : statement.all(user)).map(messageOf);
  }

  find(id: string): VoiceMessage | undefined {
    const row = this.#database.prepare<[string], Row>('SELECT * FROM messages WHERE id = ?').get(id);
    return row === undefined ? undefined : messageOf(row);
  }

  /** Of all messages, or of those of a user. */
  durationMs(user?: string): number {
    const where = user === undefined ? '' : 'WHERE user = ?';
    const statement = this.#database.prepare<string[], number>(
      `SELECT coalesce(sum(duration_ms), 0) FROM messages ${where}`,
    );
    return (user === undefined ? statement.pluck().get() : statement.pluck().get(user)) ?? 0;
  }

  freeBytes(): number {
    return this.#files.freeBytes();
  }

  /** Whether somebody could leave a message. */
  hasRoom(user: string): boolean {
    return this.#roomMs(user) >= MIN_ROOM_MS;
  }

  /** Room for a message, or a greeting. Undefined where the mailbox, all of them or the disk are full. */
  begin(user: string): Draft | undefined {
    const maxMs = this.#roomMs(user);
    if (maxMs < MIN_ROOM_MS) return undefined;
    try {
      const id = this.#files.makeId(this.#options.clock.now());
      const folder = this.#files.folderOf(user);
      const maxBytes = Math.ceil((maxMs / 1000) * MAX_BYTES_PER_SECOND);
      const keepFreeBytes = this.#keepFreeBytes();
      const maxFolderBytes = Number.MAX_SAFE_INTEGER;
      const draft = { user, id, folder, name: `${id}.wav`, maxMs, maxBytes, maxFolderBytes, keepFreeBytes };
      this.#drafts.set(id, draft);
      return draft;
    } catch (error) {
      this.#options.logger.error({ err: error, user }, 'no voice message can be recorded');
      return undefined;
    }
  }

  /**
   * Makes a message of what was recorded; it is on the disk when this resolves. Rejects, and drops it, where the disk does not
   * take it.
   */
  async keep(
    draft: Draft,
    about: { readonly number: string; readonly name: string; readonly durationMs: number; readonly sizeBytes: number },
  ): Promise<VoiceMessage> {
    const { id, user } = draft;
    try {
      await this.#files.sync(user, id);
      if (this.#isClosed) throw new Error('the box stops');
      this.#assertWanted(draft);
      const row: Row = {
        ...{ id, user, heard_at_ms: null },
        caller_number: text(about.number),
        caller_name: text(about.name),
        received_at_ms: Math.trunc(this.#options.clock.now()),
        duration_ms: Math.trunc(about.durationMs),
        size_bytes: Math.trunc(about.sizeBytes),
      };
      this.#insert.run(row);
      this.#drafts.delete(id);
      await this.#syncIndex();
      this.#tell(user);
      return messageOf(row);
    } catch (error) {
      this.drop(draft);
      throw storageError(this.#file, error);
    }
  }

  /** Forgets what was recorded; a message that was kept stays. */
  drop({ id, user }: Draft): void {
    if (!this.#drafts.delete(id)) return;
    this.#removeFile(user, id);
  }

  /** The message is old from now on. */
  markOld(id: string): void {
    const message = this.find(id);
    if (message === undefined || message.isOld) return;
    this.#database
      .prepare('UPDATE messages SET heard_at_ms = ? WHERE id = ?')
      .run(Math.trunc(this.#options.clock.now()), id);
    void this.#syncIndex();
    this.#tell(message.user);
  }

  /** False where there is none. */
  delete(id: string): boolean {
    const message = this.find(id);
    if (message === undefined) return false;
    this.#database.prepare('DELETE FROM messages WHERE id = ?').run(id);
    void this.#syncIndex();
    this.#removeFile(message.user, id);
    this.#tell(message.user);
    return true;
  }

  /** A user is gone: all of his messages and his greeting, and what is being recorded becomes neither. */
  deleteAll(user: string): void {
    for (const draft of [...this.#drafts.values()]) if (draft.user === user) this.drop(draft);
    for (const { id } of this.list(user)) this.delete(id);
    this.removeGreeting(user);
  }

  /** The id of its file. */
  greetingOf(user: string): string | undefined {
    return this.#database.prepare<[string], string>('SELECT id FROM greetings WHERE user = ?').pluck().get(user);
  }

  /** As `keep`, in place of the greeting that there was. */
  async keepGreeting(draft: Draft): Promise<void> {
    const { id, user } = draft;
    const before = this.greetingOf(user);
    try {
      await this.#files.sync(user, id);
      this.#assertWanted(draft);
      this.#database.prepare('INSERT OR REPLACE INTO greetings (user, id) VALUES (?, ?)').run(user, id);
      this.#drafts.delete(id);
      await this.#syncIndex();
    } catch (error) {
      this.drop(draft);
      throw storageError(this.#file, error);
    }
    if (before !== undefined) this.#removeFile(user, before);
  }

  removeGreeting(user: string): void {
    const id = this.greetingOf(user);
    if (id === undefined) return;
    this.#database.prepare('DELETE FROM greetings WHERE user = ?').run(user);
    void this.#syncIndex();
    this.#removeFile(user, id);
  }

  /** Idempotent. What is being recorded is dropped at the next start. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pruning?.cancel();
    this.#database.close();
  }

  /** Its user may have gone while it was recorded, and somebody else have the number. */
  #assertWanted({ user, id }: Draft): void {
    if (this.#drafts.has(id)) return;
    this.#removeFile(user, id);
    throw new Error('the user is gone');
  }

  /** What is being recorded counts as long as it may become. */
  #roomMs(user: string): number {
    const { totalMinutes, userMinutes, messageSeconds } = this.#options.limits();
    if (this.#isClosed || this.#count() >= MAX_MESSAGES) return 0;
    try {
      if (this.#files.freeBytes() <= this.#keepFreeBytes()) return 0;
    } catch (error) {
      this.#options.logger.error({ err: error }, 'the space that is left for voice messages is not known');
      return 0;
    }
    const running = [...this.#drafts.values()];
    const sum = (drafts: readonly Draft[]) => drafts.reduce((total, { maxMs }) => total + maxMs, 0);
    const ofUser = running.filter((draft) => draft.user === user);
    return Math.min(
      totalMinutes * 60_000 - this.durationMs() - sum(running),
      userMinutes * 60_000 - this.durationMs(user) - sum(ofUser),
      messageSeconds * 1000,
    );
  }

  #keepFreeBytes(): number {
    return this.#options.limits().keepFreeMegabytes * 1_000_000;
  }

  #count(): number {
    return this.#database.prepare<[], number>('SELECT count(*) FROM messages').pluck().get() ?? 0;
  }

  #tell(user: string): void {
    for (const listener of [...this.#listeners]) listener(user);
  }

  #removeFile(user: string, id: string): void {
    try {
      this.#files.remove(user, id);
    } catch (error) {
      this.#options.logger.warn(
        { err: error, user },
        'a voice message could not be removed: it will be at the next start',
      );
    }
  }

  async #syncIndex(): Promise<void> {
    try {
      await syncToDiskLater(`${this.#file}-wal`);
    } catch (error) {
      if (!this.#isClosed)
        this.#options.logger.warn({ err: error, file: this.#file }, 'the list of messages not synced');
    }
  }

  /** What a power cut left: files that are no messages, and messages whose files are gone. */
  #clear(): void {
    const known = new Set([
      ...this.#database.prepare<[], string>('SELECT id FROM messages').pluck().all(),
      ...this.#database.prepare<[], string>('SELECT id FROM greetings').pluck().all(),
    ]);
    const found = this.#files.find();
    for (const { user, id } of found) if (!known.has(id)) this.#removeFile(user, id);
    const there = new Set(found.map(({ id }) => id));
    const lost = [...known].filter((id) => !there.has(id));
    const forget = this.#database.transaction(() => {
      for (const id of lost) {
        this.#database.prepare('DELETE FROM messages WHERE id = ?').run(id);
        this.#database.prepare('DELETE FROM greetings WHERE id = ?').run(id);
      }
    });
    if (lost.length === 0) return;
    forget.immediate();
    this.#options.logger.warn({ count: lost.length }, 'files of voice messages are gone, and the messages with them');
  }

  /** How many. Whose words they are is not known any more. */
  #takeUp(): number {
    let count = 0;
    for (const file of this.#files.find()) {
      const about = this.#files.look(file);
      if (about === undefined) continue;
      this.#insert.run({
        ...file,
        ...{ caller_number: '', caller_name: '', heard_at_ms: null },
        received_at_ms: Math.trunc(about.atMs),
        duration_ms: about.durationMs,
        size_bytes: about.sizeBytes,
      });
      count += 1;
    }
    return count;
  }

  #prune(): void {
    const { messageDays } = this.#options.limits();
    const before = Math.trunc(this.#options.clock.now() - messageDays * DAY_MS);
    try {
      const old = this.#database.prepare<[number], string>('SELECT id FROM messages WHERE received_at_ms < ?').pluck();
      if (messageDays > 0) for (const id of old.all(before)) this.delete(id);
    } catch (error) {
      const { code, message } = storageError(this.#file, error);
      this.#options.logger.warn({ code, file: this.#file }, `old voice messages are not removed: ${message}`);
    }
    this.#pruning = this.#options.clock.schedule(PRUNE_INTERVAL_MS, () => this.#prune());
  }
}

function messageOf(row: Row): VoiceMessage {
  return {
    id: row.id,
    user: row.user,
    callerNumber: row.caller_number,
    callerName: row.caller_name,
    receivedAtMs: row.received_at_ms,
    durationMs: row.duration_ms,
    sizeBytes: row.size_bytes,
    isOld: row.heard_at_ms !== null,
  };
}

function text(value: string): string {
  return value.slice(0, MAX_NAME_CHARACTERS).toWellFormed();
}

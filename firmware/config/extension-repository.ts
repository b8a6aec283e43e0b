import type { Statement, Transaction } from 'better-sqlite3';
import { UsageError } from '../core/errors.ts';
import type { Database } from './database.ts';
import { digestSecrets } from './digest-secrets.ts';
import {
  checkName,
  checkPassword,
  type DigestSecrets,
  type Extension,
  type ExtensionNumber,
  extensionNumber,
  isExtensionNumber,
} from './extension.ts';
import { storageError } from './storage-error.ts';
import type { SystemRepository } from './system-repository.ts';

export interface NewExtension {
  readonly number: string;
  readonly name: string;
  /** 9 to 128 printable ASCII characters; only its digest secrets are kept. */
  readonly password: string;
}

/** Extensions with their users. Every method reads or writes the file itself: a second process sees each change at once. */
export class ExtensionRepository {
  readonly #file: string;
  readonly #system: SystemRepository;
  readonly #get: Statement<[string], Extension>;
  readonly #list: Statement<[], Extension>;
  readonly #digest: Statement<[string], DigestSecrets>;
  readonly #setDigest: Statement<[string, string, string]>;
  readonly #add: Transaction<(number: ExtensionNumber, name: string, secrets: DigestSecrets) => void>;
  readonly #remove: Transaction<(extension: Extension) => void>;

  constructor(database: Database, file: string, system: SystemRepository) {
    this.#file = file;
    this.#system = system;
    const columns = 'extensions.number, extensions.user_id AS userId, users.name';
    const tables = 'extensions JOIN users ON users.id = extensions.user_id';
    this.#get = database.prepare(`SELECT ${columns} FROM ${tables} WHERE extensions.number = ?`);
    this.#list = database.prepare(
      `SELECT ${columns} FROM ${tables} ORDER BY length(extensions.number), extensions.number`,
    );
    this.#digest = database.prepare(
      'SELECT ha1_md5 AS ha1Md5, ha1_sha256 AS ha1Sha256 FROM extensions WHERE number = ?',
    );
    this.#setDigest = database.prepare('UPDATE extensions SET ha1_md5 = ?, ha1_sha256 = ? WHERE number = ?');

    const insertUser = database.prepare<[string]>('INSERT INTO users (name) VALUES (?)');
    const insertExtension = database.prepare<[string, number | bigint, string, string]>(
      'INSERT INTO extensions (number, user_id, ha1_md5, ha1_sha256) VALUES (?, ?, ?, ?)',
    );
    this.#add = database.transaction((number, name, secrets) => {
      // Inside the transaction: two programs that add the same number at once must not both pass.
      if (this.#get.get(number) !== undefined) throw extensionExists(number);
      const user = insertUser.run(name);
      insertExtension.run(number, user.lastInsertRowid, secrets.ha1Md5, secrets.ha1Sha256);
    });

    const deleteExtension = database.prepare<[string]>('DELETE FROM extensions WHERE number = ?');
    const deleteUser = database.prepare<[number]>('DELETE FROM users WHERE id = ?');
    this.#remove = database.transaction((extension) => {
      deleteExtension.run(extension.number);
      deleteUser.run(extension.userId);
    });
  }

  /**
   * Adds an extension and its user. Throws UsageError: CONFIG_EXTENSION_NUMBER_INVALID, CONFIG_NAME_INVALID,
   * CONFIG_PASSWORD_INVALID, CONFIG_EXTENSION_EXISTS; when it returns, the disk has it.
   */
  add({ number, name, password }: NewExtension): Extension {
    const checked = extensionNumber(number);
    checkName(name);
    checkPassword(password);
    const secrets = digestSecrets(checked, this.#system.get().realm, password);
    return this.#guard(() => {
      this.#add.immediate(checked, name, secrets);
      return this.#existing(checked);
    });
  }

  /** Any text may be asked for: one that is no extension number has no extension. */
  get(number: string): Extension | undefined {
    return isExtensionNumber(number) ? this.#guard(() => this.#get.get(number)) : undefined;
  }

  /** Short numbers first, then in order. */
  list(): readonly Extension[] {
    return this.#guard(() => this.#list.all());
  }

  /** Throws UsageError: CONFIG_PASSWORD_INVALID, CONFIG_EXTENSION_NOT_FOUND. */
  setPassword(number: string, password: string): void {
    checkPassword(password);
    const { ha1Md5, ha1Sha256 } = digestSecrets(number, this.#system.get().realm, password);
    const { changes } = this.#guard(() => this.#setDigest.run(ha1Md5, ha1Sha256, number));
    if (changes === 0) throw extensionNotFound(number);
  }

  /** Removes the extension and its user. Throws UsageError CONFIG_EXTENSION_NOT_FOUND. */
  remove(number: string): void {
    this.#guard(() => this.#remove.immediate(this.#existing(number)));
  }

  /** The secrets to check a REGISTER against; undefined for a number that does not exist, whatever its text. */
  digest(number: string): DigestSecrets | undefined {
    return isExtensionNumber(number) ? this.#guard(() => this.#digest.get(number)) : undefined;
  }

  #existing(number: string): Extension {
    const extension = this.get(number);
    if (extension === undefined) throw extensionNotFound(number);
    return extension;
  }

  #guard<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      throw storageError(this.#file, error);
    }
  }
}

function extensionExists(number: ExtensionNumber): UsageError {
  return new UsageError(
    'CONFIG_EXTENSION_EXISTS',
    `extension ${number} exists already`,
    'Choose another number, or remove that extension first.',
  );
}

function extensionNotFound(number: string): UsageError {
  return new UsageError(
    'CONFIG_EXTENSION_NOT_FOUND',
    `there is no extension ${isExtensionNumber(number) ? number : 'of that number'}`,
    'See which there are with `ringdown extension list`.',
  );
}

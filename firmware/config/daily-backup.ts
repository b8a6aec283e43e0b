import { type Clock, systemClock, type Timer } from '../core/clock.ts';
import { RingdownError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { BackupReason } from './backup-files.ts';
import type { Backups } from './backups.ts';
import type { ConfigurationStore } from './configuration-store.ts';

const DAY_MS = 86_400_000;

export interface DailyBackupOptions {
  readonly store: ConfigurationStore;
  readonly backups: Backups;
  readonly clock?: Clock;
  readonly logger: Logger;
}

/** Makes a backup once a day, at the start too where the newest is older, and at the end. What fails is logged. */
export class DailyBackup {
  readonly #store: ConfigurationStore;
  readonly #backups: Backups;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: Timer | undefined;
  #working: Promise<void> = Promise.resolve();
  #closed = false;

  constructor({ store, backups, clock = systemClock, logger }: DailyBackupOptions) {
    this.#store = store;
    this.#backups = backups;
    this.#clock = clock;
    this.#logger = logger;
    this.#timer = this.#clock.schedule(this.#delayMs(), () => this.#daily());
  }

  /** Resolves when the backup of the end is on the disk, or has failed. Idempotent. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    if (!this.#closed) this.#start('restart');
    this.#closed = true;
    await this.#working;
  }

  #daily(): void {
    this.#start('daily');
    this.#timer = this.#clock.schedule(DAY_MS, () => this.#daily());
  }

  /** Until a day after the newest. A clock that was set tells nothing: then a backup is made at once. */
  #delayMs(): number {
    let newest: string | undefined;
    try {
      const [entry] = this.#backups.list().flatMap((each) => (each.kind === 'whole' ? [each] : []));
      newest = entry?.manifest.createdAt;
    } catch (error) {
      this.#report(error, 'daily');
    }
    const ageMs = newest === undefined ? DAY_MS : this.#clock.now() - Date.parse(newest);
    return ageMs < 0 || ageMs > DAY_MS ? 0 : DAY_MS - ageMs;
  }

  /** One after the other. */
  #start(reason: BackupReason): void {
    this.#working = this.#working.then(async () => {
      try {
        const name = await this.#backups.createIfChanged(this.#store, reason);
        if (name !== undefined) this.#logger.info({ backup: name }, 'made a backup');
        this.#backups.prune(this.#store.current.system.backupsKept);
      } catch (error) {
        this.#report(error, reason);
      }
    });
  }

  #report(error: unknown, reason: BackupReason): void {
    const cure = error instanceof RingdownError ? { code: error.code, cure: error.cure } : {};
    this.#logger.error({ err: error, reason, ...cure }, 'no backup could be made');
  }
}

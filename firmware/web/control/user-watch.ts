import type { UserPresence, UserPresences } from '../../call/history/user-presence.ts';
import { nameOf } from '../../call/routing/planning.ts';
import type { Configuration } from '../../config/schema/configuration.ts';
import type { Clock, Timer } from '../../core/clock.ts';

/** What somebody of the office does, as a colleague may see it: that he is in a call, and not with whom. */
export interface UserView {
  readonly user: string;
  readonly name: string;
  readonly state: UserPresence['state'];
  /** Milliseconds since the Unix epoch; 0 where nothing was known of him since the box started. */
  readonly sinceMs: number;
}

export interface UserWatchOptions {
  readonly presences: Pick<UserPresences, 'snapshot' | 'subscribe'>;
  readonly configuration: () => Configuration;
  readonly clock: Clock;
}

/** Changes are told together: of a busy office nobody reads more, and each client of it is told all. */
const TOGETHER_MS = 250;

/** What all users do, told to the clients that want to know: first of all of them, then each change. */
export class UserWatch {
  readonly #options: UserWatchOptions;
  readonly #watchers = new Set<(text: string) => void>();
  readonly #changed = new Map<string, UserPresence>();
  readonly #end: () => void;
  #timer: Timer | undefined;

  constructor(options: UserWatchOptions) {
    this.#options = options;
    this.#end = options.presences.subscribe((presence) => this.#note(presence));
  }

  /** As for lamps: whether anybody may see what others do. */
  get isAllowed(): boolean {
    return this.#options.configuration().system.lamps.watchers === 'everybody';
  }

  snapshot(): readonly UserView[] {
    return this.#options.presences.snapshot().map((presence) => this.#viewOf(presence));
  }

  /** `tell` gets each change, as a message. The returned function ends it. */
  add(tell: (text: string) => void): () => void {
    this.#watchers.add(tell);
    return () => this.#watchers.delete(tell);
  }

  /** Idempotent. */
  close(): void {
    this.#end();
    this.#timer?.cancel();
    this.#watchers.clear();
  }

  #note(presence: UserPresence): void {
    if (this.#watchers.size === 0) return;
    this.#changed.set(presence.user, presence);
    this.#timer ??= this.#options.clock.schedule(TOGETHER_MS, () => this.#tell());
  }

  #tell(): void {
    this.#timer = undefined;
    const users = [...this.#changed.values()].map((presence) => this.#viewOf(presence));
    this.#changed.clear();
    if (!this.isAllowed) return;
    const text = JSON.stringify({ event: 'users', users });
    for (const tell of [...this.#watchers]) tell(text);
  }

  #viewOf({ user, state, sinceMs }: UserPresence): UserView {
    return { user, name: nameOf(this.#options.configuration(), user), state, sinceMs };
  }
}

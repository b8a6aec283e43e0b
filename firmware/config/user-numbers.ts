import { UsageError } from '../core/errors.ts';
import { emergencyNumbersOf } from './emergency.ts';
import { isExtensionNumber } from './extension.ts';
import type { Configuration } from './schema/configuration.ts';

const MAX_DIGITS = 15;

export type TakenNumber =
  | { readonly kind: 'taken'; readonly number: string }
  /** `problem` continues "the extension", `cure` is a sentence. */
  | { readonly kind: 'refused'; readonly problem: string; readonly cure: string };

/** Numbers for new users. */
export class UserNumbers {
  readonly #configuration: Configuration;
  readonly #emergency: ReadonlySet<string>;
  readonly #named: ReadonlySet<string>;
  #next: string | undefined;

  /**
   * `named`: numbers that somebody asks for, and which nobody else gets. `first`: where those without begin.
   * Throws UsageError CONFIG_CSV_OPTION for a first number that is none.
   */
  constructor(configuration: Configuration, named: readonly string[], first: string | undefined) {
    if (first !== undefined && !isExtensionNumber(first)) {
      throw new UsageError('CONFIG_CSV_OPTION', 'the first extension is no number', 'Give 2 to 15 digits.');
    }
    this.#configuration = configuration;
    this.#emergency = emergencyNumbersOf(configuration);
    this.#named = new Set(named);
    this.#next = first;
  }

  /** The number that is asked for, or else the next free one. */
  take(wanted: string | undefined): TakenNumber {
    if (wanted !== undefined) return this.#refusal(wanted) ?? { kind: 'taken', number: wanted };
    while (this.#next !== undefined) {
      const number = this.#next;
      this.#next = following(number);
      if (!this.#named.has(number) && this.#refusal(number) === undefined) return { kind: 'taken', number };
    }
    return refused(
      'is missing, and the user is new',
      'Give the extension, or let --first-extension give numbers to those without.',
    );
  }

  #refusal(number: string): TakenNumber | undefined {
    const { users, extensions, huntGroups } = this.#configuration;
    if (!isExtensionNumber(number)) return refused('must be 2 to 15 digits', 'A telephone number goes into workphone.');
    if (this.#emergency.has(number)) {
      return refused('is an emergency number', 'Give another: who dials it must reach help.');
    }
    if (Object.hasOwn(huntGroups, number)) return refused('is the number of a hunt group', 'Give another.');
    if (Object.hasOwn(users, number) || Object.hasOwn(extensions, number)) return refused('is taken', 'Give another.');
    return undefined;
  }
}

/** Undefined after the last one. Leading zeros stay. */
function following(number: string): string | undefined {
  const next = String(Number(number) + 1).padStart(number.length, '0');
  return next.length > MAX_DIGITS ? undefined : next;
}

function refused(problem: string, cure: string): TakenNumber {
  return { kind: 'refused', problem, cure };
}

/** What is made of a text with macros in it. What was not known stands as it stood. */
export interface Expansion {
  readonly text: string;
  /** The first variable in it that the client was not given. */
  readonly missing: string | undefined;
}

/** Variables that are put in for their names, each a `$` and capitals. Of two that fit, the longer: `$MACADDR_UPPER.txt`. */
export class Macros {
  readonly #pattern: RegExp;

  /** `names` without the `$`: capitals, digits and _. */
  constructor(names: readonly string[]) {
    const longestFirst = names.toSorted((a, b) => b.length - a.length);
    this.#pattern = new RegExp(`\\$(${longestFirst.join('|')})`, 'g');
  }

  expand(text: string, variables: ReadonlyMap<string, string>): Expansion {
    let missing: string | undefined;
    const expanded = text.replaceAll(this.#pattern, (macro, name: string) => {
      const value = variables.get(name);
      if (value === undefined) missing ??= name;
      return value ?? macro;
    });
    return { text: expanded, missing };
  }

  /** The first name with a `$` in it that is none of these, without the `$`. */
  stranger(text: string): string | undefined {
    return /\$(?<name>[A-Z0-9_]+)/.exec(text.replaceAll(this.#pattern, ''))?.groups?.name;
  }
}

import { type Dialect, VARIABLES } from './client.ts';
import type { Statement } from './statement.ts';
import { quote, type WarningCode } from './warning.ts';

type If = Extract<Statement, { kind: 'if' }>;

/** `ignored`: this client passes over the line. */
export type Outcome =
  | { readonly kind: 'holds' }
  | { readonly kind: 'fails' }
  | { readonly kind: 'ignored'; readonly code: WarningCode; readonly text: string };

/** What a client with these variables makes of an IF. */
export function decide(statement: If, variables: ReadonlyMap<string, string>, dialect: Dialect): Outcome {
  const { left, right } = statement;
  const macros = dialect.conditionMacros;
  const name = variableOf(statement);
  // `IF $NAME SEQ value` is what every client takes.
  if (name !== undefined && !right.includes('$')) {
    const value = variables.get(name);
    return value === undefined ? unknown(name) : compare(value, right, dialect);
  }
  if (macros === undefined) return unsupported(statement);
  const stranger = macros.stranger(left) ?? macros.stranger(right);
  if (stranger !== undefined) return unknown(stranger);
  const [first, second] = [macros.expand(left, variables), macros.expand(right, variables)];
  const missing = first.missing ?? second.missing;
  return missing === undefined ? compare(first.text, second.text, dialect) : unknown(missing);
}

/** The variable that an IF asks for, where its left side is nothing else. */
export function variableOf({ left }: If): string | undefined {
  return /^\$(?<name>[A-Z0-9_]+)$/.exec(left)?.groups?.name;
}

function compare(left: string, right: string, { ignoresCase }: Dialect): Outcome {
  const equal = ignoresCase ? left.toLowerCase() === right.toLowerCase() : left === right;
  return { kind: equal ? 'holds' : 'fails' };
}

function unknown(name: string): Outcome {
  const variable = quote(`$${name}`);
  if (!VARIABLES.includes(name)) {
    return { kind: 'ignored', code: 'unknown-variable', text: `no client knows ${variable}: the line is ignored` };
  }
  const text = `${variable} is not known of this client: the line is taken as ignored`;
  return { kind: 'ignored', code: 'variable-not-given', text };
}

function unsupported({ left, right }: If): Outcome {
  const text = `only J100 phones compare ${quote(left)} with ${quote(right)}: this client ignores it`;
  return { kind: 'ignored', code: 'unsupported-condition', text };
}

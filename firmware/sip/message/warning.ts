import { endOfQuoted, isToken, parseDecimal, QUOTE, quote, skipWhitespace, unquote } from './grammar.ts';
import { parseHostPort } from './uri.ts';

/** One value of Warning (RFC 3261 §20.43). */
export interface Warning {
  /** 300 to 399 of SIP: 399 says anything, to be shown to a person. */
  readonly code: number;
  /** Who warns: `host[:port]` or a name that stands for it. */
  readonly agent: string;
  readonly text: string;
}

/** Reads one value; undefined when it does not follow the grammar. */
export function parseWarning(value: string): Warning | undefined {
  const [digits = '', agent = ''] = value.split(' ', 2);
  const code = digits.length === 3 ? parseDecimal(digits, 999) : undefined;
  if (code === undefined || !(isToken(agent) || parseHostPort(agent) !== undefined)) return undefined;
  const start = skipWhitespace(value, digits.length + 1 + agent.length);
  if (value.charCodeAt(start) !== QUOTE || endOfQuoted(value, start) !== value.length) return undefined;
  return { code, agent, text: unquote(value.slice(start)) };
}

export function formatWarning(warning: Warning): string {
  return `${warning.code} ${warning.agent} ${quote(warning.text)}`;
}

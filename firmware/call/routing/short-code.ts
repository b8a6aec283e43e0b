import type { Configuration } from '../../config/schema/configuration.ts';

/*
 * Patterns of short codes. 0 to 9, *, # and letters stand for themselves, and
 *
 *   X  one digit            N  any digits, + and *, or none       ?  alone: whatever nothing else matches
 *   Z  one digit but 0      .  as N, but one at least             ;  at the end: dialling has ended
 *
 * A SIP phone sends a number when it is whole, or a digit at a time until it gets something else than 484 (RFC 3578). A code
 * without N matches when it is complete, one with N as soon as its fixed digits are there, so that `;` says what is so.
 */

export type ShortCode = Configuration['shortCodes'][string];
type ShortCodes = Configuration['shortCodes'];

export interface Match<Entry = ShortCode> {
  readonly code: string;
  readonly entry: Entry;
  /** What stood for X, Z, N and ., in their order. */
  readonly digits: string;
}

interface Pattern<Entry> {
  readonly code: string;
  readonly entry: Entry;
  /** Without `;`; at most 31, so that a set of places in it is the bits of a number. */
  readonly tokens: string;
  /** What stands before the first wildcard. */
  readonly literal: string;
  /** What stands after the last wildcard. */
  readonly ending: string;
  /** Its place among the patterns of the table, the most specific one first. */
  readonly rank: number;
}

/** Codes of one table, made ready to be searched. */
export interface CodeIndex<Entry = ShortCode> {
  readonly byLiteral: ReadonlyMap<string, readonly Pattern<Entry>[]>;
  readonly all: readonly Pattern<Entry>[];
  readonly longestLiteral: number;
  /** The code `?`. */
  readonly fallback: Match<Entry> | undefined;
}

const WILDCARDS = 'XZN.';
const kept = new WeakMap<ShortCodes, CodeIndex>();

/** Made once for as long as the table stays: parts of a configuration keep their identity over edits. */
export function indexOf(codes: ShortCodes): CodeIndex {
  let index = kept.get(codes);
  if (index === undefined) {
    index = makeIndex(Object.entries(codes));
    kept.set(codes, index);
  }
  return index;
}

/** Of codes that differ. */
export function makeIndex<Entry>(codes: Iterable<readonly [string, Entry]>): CodeIndex<Entry> {
  const unsorted: Omit<Pattern<Entry>, 'rank'>[] = [];
  let fallback: Match<Entry> | undefined;
  for (const [code, entry] of codes) {
    if (code === '?' || code === '?;') fallback = { code, entry, digits: '' };
    // `?D` waits for a phone that is off-hook and dials nothing, which no SIP phone tells.
    else if (!code.startsWith('?')) unsorted.push(patternOf(code, entry));
  }
  const all = unsorted.sort(bySpecificity).map((pattern, rank) => ({ ...pattern, rank }));
  const byLiteral = new Map<string, Pattern<Entry>[]>();
  for (const pattern of all) {
    const others = byLiteral.get(pattern.literal);
    if (others === undefined) byLiteral.set(pattern.literal, [pattern]);
    else others.push(pattern);
  }
  return { byLiteral, all, longestLiteral: Math.max(0, ...all.map(({ literal }) => literal.length)), fallback };
}

function patternOf<Entry>(code: string, entry: Entry): Omit<Pattern<Entry>, 'rank'> {
  const tokens = code.replace(/;+$/, '').replace(/N{2,}/g, 'N');
  const first = [...tokens].findIndex((token) => WILDCARDS.includes(token));
  const literal = first === -1 ? tokens : tokens.slice(0, first);
  return { code, entry, tokens, literal, ending: /[^XZN.]*$/.exec(tokens)?.[0] ?? '' };
}

function count(tokens: string, of: string): number {
  let number = 0;
  for (const token of tokens) if (of.includes(token)) number += 1;
  return number;
}

/** Facts of the class of box: most fixed digits, then exact length, then X before N. The rest makes the order a whole one. */
export function bySpecificity(a: { readonly tokens: string }, b: { readonly tokens: string }): number {
  const fixed = b.tokens.length - count(b.tokens, WILDCARDS) - (a.tokens.length - count(a.tokens, WILDCARDS));
  if (fixed !== 0) return fixed;
  const open = count(a.tokens, 'N.') - count(b.tokens, 'N.');
  if (open !== 0) return open;
  const single = count(b.tokens, 'XZ') - count(a.tokens, 'XZ');
  if (single !== 0) return single;
  const narrow = count(b.tokens, 'Z') - count(a.tokens, 'Z');
  if (narrow !== 0) return narrow;
  const some = count(b.tokens, '.') - count(a.tokens, '.');
  if (some !== 0) return some;
  return a.tokens < b.tokens ? -1 : a.tokens > b.tokens ? 1 : 0;
}

/** The best match of a table but for `?`; of equal ones the first by its characters. */
export function findCode<Entry>(index: CodeIndex<Entry>, dialled: string): Match<Entry> | undefined {
  let best: Pattern<Entry> | undefined;
  let digits = '';
  for (let length = Math.min(dialled.length, index.longestLiteral); length >= 0; length -= 1) {
    for (const pattern of index.byLiteral.get(dialled.slice(0, length)) ?? []) {
      if (best !== undefined && best.rank < pattern.rank) break;
      if (!dialled.endsWith(pattern.ending)) continue;
      const captured = matchPattern(pattern.tokens, dialled);
      if (captured === undefined) continue;
      best = pattern;
      digits = captured;
      // Those behind it in the list are less specific.
      break;
    }
  }
  return best === undefined ? undefined : { code: best.code, entry: best.entry, digits };
}

/** Whether something more could make a match of what is none yet. */
export function mayGrow(index: CodeIndex<unknown>, dialled: string): boolean {
  return index.all.some(({ tokens, literal }) => {
    if (dialled.length < literal.length) return literal.startsWith(dialled);
    return dialled.startsWith(literal) && isBeginning(tokens, dialled);
  });
}

function isDigit(character: string): boolean {
  return character >= '0' && character <= '9' && character.length === 1;
}

function takes(token: string, character: string): boolean {
  switch (token) {
    case 'X':
      return isDigit(character);
    case 'Z':
      return isDigit(character) && character !== '0';
    case 'N':
    case '.':
      return isDigit(character) || character === '*' || character === '+';
    default:
      return token === character;
  }
}

/**
 * What the wildcards stand for; undefined where it does not match. Goes back to the last N alone: what an earlier one could
 * take, that one can take as well. So at most tokens × characters steps, both bounded.
 */
export function matchPattern(tokens: string, dialled: string): string | undefined {
  /** By the place of each character: whether a wildcard took it. */
  const isWild: boolean[] = [];
  let token = 0;
  let place = 0;
  let lastOpen = -1;
  let lastPlace = 0;
  while (place < dialled.length) {
    const wanted = tokens[token] ?? '';
    const character = dialled[place] ?? '';
    if (wanted === 'N') {
      lastOpen = token;
      lastPlace = place;
      token += 1;
    } else if (wanted !== '' && takes(wanted, character)) {
      isWild[place] = WILDCARDS.includes(wanted);
      if (wanted === '.') {
        lastOpen = token;
        lastPlace = place + 1;
      }
      token += 1;
      place += 1;
    } else if (lastOpen >= 0 && takes('N', dialled[lastPlace] ?? '')) {
      isWild[lastPlace] = true;
      lastPlace += 1;
      place = lastPlace;
      token = lastOpen + 1;
    } else return undefined;
  }
  while (tokens[token] === 'N') token += 1;
  if (token < tokens.length) return undefined;
  let digits = '';
  for (let index = 0; index < dialled.length; index += 1) if (isWild[index] === true) digits += dialled[index];
  return digits;
}

/** Whether a match of `tokens` can begin with `dialled` and be longer: the places that it may have come to, as bits. */
function isBeginning(tokens: string, dialled: string): boolean {
  let places = skipped(tokens, 1);
  for (const character of dialled) {
    let next = 0;
    for (let token = 0; token < tokens.length; token += 1) {
      if ((places & (1 << token)) === 0) continue;
      const wanted = tokens[token] ?? '';
      if (!takes(wanted, character)) continue;
      if (wanted === 'N') next |= 1 << token;
      else if (wanted === '.') next |= (1 << token) | (1 << (token + 1));
      else next |= 1 << (token + 1);
    }
    if (next === 0) return false;
    places = skipped(tokens, next);
  }
  // At the end of the tokens nothing can follow.
  return (places & ~(1 << tokens.length)) !== 0;
}

/** N may stand for nothing. */
function skipped(tokens: string, places: number): number {
  let all = places;
  for (let token = 0; token < tokens.length; token += 1) {
    if (tokens[token] === 'N' && (all & (1 << token)) !== 0) all |= 1 << (token + 1);
  }
  return all;
}

export interface Expanded {
  readonly number: string;
  /** W: the caller’s number is withheld. */
  readonly isWithheld: boolean;
  /** S: the number that the call shall show. */
  readonly callerNumber: string | undefined;
}

/**
 * The telephone number of a code with what was dialled in it: N the digits of wildcards, `.` all of it, E the caller's
 * extension, U its user, W withholds the caller's number, S makes what follows the caller's number. What stands in double
 * quotes is taken as it is; letters for ISDN say nothing to SIP and are left out.
 */
export function expand(
  template: string,
  parts: { readonly digits: string; readonly dialled: string; readonly extension: string; readonly user: string },
): Expanded {
  let number = '';
  let callerNumber: string | undefined;
  let isWithheld = false;
  let isQuoted = false;
  for (const character of template) {
    let piece = '';
    if (character === '"') isQuoted = !isQuoted;
    else if (isQuoted) piece = character;
    else if (character === 'N') piece = parts.digits;
    else if (character === '.') piece = parts.dialled;
    else if (character === 'E') piece = parts.extension;
    else if (character === 'U') piece = parts.user;
    else if (character === 'W') isWithheld = true;
    else if (character === 'S') callerNumber ??= '';
    else if (/[0-9*#+,]/.test(character)) piece = character;
    if (callerNumber === undefined) number += piece;
    else callerNumber += piece;
  }
  return { number, isWithheld, callerNumber: callerNumber === '' ? undefined : callerNumber };
}

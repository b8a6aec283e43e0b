/**
 * How a value stands in its line: `bare`, `"quoted"` whole, a list of quoted values (`"911","9911"`), or `broken`,
 * with quotes that do not pair up. Of a whole quoted value the quotes are off; lists and broken ones are kept as they stand.
 */
export type Quoting = 'bare' | 'quoted' | 'list' | 'broken';

/** A line of a settings file that a client acts on. All other lines are comments. */
export type Statement =
  | { readonly kind: 'set'; readonly name: string; readonly value: string; readonly quoting: Quoting }
  | { readonly kind: 'if'; readonly left: string; readonly right: string; readonly tag: string }
  | { readonly kind: 'goto'; readonly tag: string }
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'get'; readonly file: string };

/** Of a value as it stands in its line. */
export function quotingOf(value: string): Quoting {
  if (!value.includes('"')) return 'bare';
  if (/^"[^"]*"$/.test(value)) return 'quoted';
  return /^"[^"]*"(?:,"[^"]*")+$/.test(value) ? 'list' : 'broken';
}

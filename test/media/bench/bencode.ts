/** What rtpengine's control protocol is written in: byte strings, integers, lists and dictionaries. ASCII alone here. */
export type Bencoded = string | number | readonly Bencoded[] | { readonly [key: string]: Bencoded };

export function bencode(value: Bencoded): string {
  if (typeof value === 'string') return `${value.length}:${value}`;
  if (typeof value === 'number') return `i${value}e`;
  if (isList(value)) return `l${value.map(bencode).join('')}e`;
  const keys = Object.keys(value).sort();
  return `d${keys.map((key) => bencode(key) + bencode(value[key] ?? '')).join('')}e`;
}

/** Throws a SyntaxError for text that is not bencoded. */
export function bdecode(text: string): Bencoded {
  let at = 0;
  const read = (): Bencoded => {
    const kind = text[at];
    if (kind === 'i') {
      const end = text.indexOf('e', at);
      const number = Number(text.slice(at + 1, end));
      at = end + 1;
      return number;
    }
    if (kind === 'l' || kind === 'd') {
      at += 1;
      const items: Bencoded[] = [];
      while (text[at] !== 'e') items.push(read());
      at += 1;
      if (kind === 'l') return items;
      const pairs = Array.from({ length: items.length / 2 }, (_, index) => [items[2 * index], items[2 * index + 1]]);
      return Object.fromEntries(pairs) as { readonly [key: string]: Bencoded };
    }
    const colon = text.indexOf(':', at);
    const length = Number(text.slice(at, colon));
    if (colon < 0 || !Number.isInteger(length)) throw new SyntaxError(`no bencoded value at ${at}`);
    at = colon + 1 + length;
    return text.slice(colon + 1, at);
  };
  return read();
}

function isList(value: Bencoded): value is readonly Bencoded[] {
  return Array.isArray(value);
}

import { isToken } from './grammar.ts';
import { formatParams, type Params, paramValue, parseParams } from './params.ts';

/** The value of Content-Type, and one of Accept (RFC 3261 §20.1, §20.15). */
export interface MediaType {
  /** Type and subtype in lower case: `application/sdp`; `*` for either in an Accept. */
  readonly type: string;
  readonly params: Params;
}

/** Reads one value; undefined when it does not follow the grammar. */
export function parseMediaType(text: string): MediaType | undefined {
  const semicolon = text.indexOf(';');
  const range = semicolon === -1 ? text : text.slice(0, semicolon);
  const slash = range.indexOf('/');
  const type = range.slice(0, Math.max(0, slash)).trim().toLowerCase();
  const subtype = range
    .slice(slash + 1)
    .trim()
    .toLowerCase();
  const params = semicolon === -1 ? [] : parseParams(text, semicolon);
  if (!isToken(type) || !isToken(subtype) || params === undefined) return undefined;
  return { type: `${type}/${subtype}`, params };
}

export function formatMediaType(mediaType: MediaType): string {
  return mediaType.type + formatParams(mediaType.params);
}

/** Whether an Accept with these values, as Headers.list gives them, takes the type; `q=0` refuses it (RFC 9110 §12.5.1). */
export function acceptsType(accept: readonly string[], type: string): boolean {
  const ranges = [type, `${type.split('/', 1)[0] ?? ''}/*`, '*/*'];
  const read = accept.map(parseMediaType).filter((range) => range !== undefined);
  for (const range of ranges) {
    const found = read.find((candidate) => candidate.type === range);
    if (found !== undefined) return !/^0(\.0*)?$/.test(paramValue(found.params, 'q') ?? '1');
  }
  return false;
}

import { isToken, percentDecode } from './grammar.ts';
import { formatParams, type Param, type Params, withParam } from './params.ts';

/** A telephone number as a URI (RFC 3966). */
export interface TelUri {
  /** Digits as they are dialled, without visual separators; a global number begins with `+`. */
  readonly number: string;
  readonly isGlobal: boolean;
  /**
   * Where a local number means something: a domain in lower case or a global prefix without separators. RFC 3966 §5.1.5
   * wants it; a phone that leaves it out means the plan of the box that it dials through.
   */
  readonly phoneContext: string | undefined;
  /** Behind the number, without visual separators. */
  readonly extension: string | undefined;
  /** The ISDN subaddress, escapes taken off. */
  readonly isdnSubaddress: string | undefined;
  /** The others; values as on the wire, names in lower case. */
  readonly params: Params;
}

const SEPARATORS = /[-.()]/g;
/** RFC 3966 §3: with at least one digit, which is checked apart. */
const GLOBAL = /^\+[0-9]+$/;
const LOCAL = /^[0-9A-Fa-f*#]+$/;
const EXTENSION = /^[0-9]+$/;
const DOMAIN = /^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.?$/;
/** RFC 3966 §3 paramchar, and escapes. */
const PARAM_VALUE = /^[A-Za-z0-9\-_.!~*'()[\]/:&+$%]+$/;
/** E.164 has 15 digits, and a dialled string some more. */
const MAX_NUMBER_LENGTH = 128;

/** Undefined for other schemes and for what does not follow the grammar. */
export function parseTelUri(text: string): TelUri | undefined {
  if (text.slice(0, 4).toLowerCase() !== 'tel:') return undefined;
  const [subscriber = '', ...parts] = text.slice(4).split(';');
  const number = percentDecode(subscriber)?.replace(SEPARATORS, '').toUpperCase();
  if (number === undefined || number.length > MAX_NUMBER_LENGTH) return undefined;
  const isGlobal = number.startsWith('+');
  if (!(isGlobal ? GLOBAL : LOCAL).test(number)) return undefined;

  let phoneContext: string | undefined;
  let extension: string | undefined;
  let isdnSubaddress: string | undefined;
  const params: Param[] = [];
  const seen = new Set<string>();
  for (const part of parts) {
    const equals = part.indexOf('=');
    const name = (equals === -1 ? part : part.slice(0, equals)).toLowerCase();
    const value = equals === -1 ? undefined : part.slice(equals + 1);
    // RFC 3966 §3: each parameter stands once.
    if (!isToken(name) || seen.has(name) || (value !== undefined && !PARAM_VALUE.test(value))) return undefined;
    seen.add(name);
    if (name === 'phone-context') phoneContext = context(value);
    else if (name === 'ext') extension = value?.replace(SEPARATORS, '');
    else if (name === 'isub') isdnSubaddress = percentDecode(value ?? '');
    else params.push([name, value]);
  }
  if (seen.has('phone-context') && phoneContext === undefined) return undefined;
  if (seen.has('ext') && !EXTENSION.test(extension ?? '')) return undefined;
  if (seen.has('isub') && (isdnSubaddress ?? '') === '') return undefined;
  return { number, isGlobal, phoneContext, extension, isdnSubaddress, params };
}

/** Parameters in the order of RFC 3966 §3: isub or ext, phone-context, then the others by name. */
export function formatTelUri(uri: TelUri): string {
  let params: Params = [];
  const { isdnSubaddress, extension, phoneContext } = uri;
  if (isdnSubaddress !== undefined) params = withParam(params, 'isub', encodeURIComponent(isdnSubaddress));
  if (extension !== undefined) params = withParam(params, 'ext', extension);
  if (phoneContext !== undefined) params = withParam(params, 'phone-context', phoneContext);
  const others = [...uri.params].sort(([first], [second]) => (first < second ? -1 : 1));
  return `tel:${uri.number.replaceAll('#', '%23')}${formatParams([...params, ...others])}`;
}

/** Whether two URIs are of the same number (RFC 3966 §4): separators, case and the order of parameters do not count. */
export function sameTelUri(first: string, second: string): boolean {
  const a = parseTelUri(first);
  const b = parseTelUri(second);
  return a !== undefined && b !== undefined && formatTelUri(a).toLowerCase() === formatTelUri(b).toLowerCase();
}

function context(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (!value.startsWith('+')) return DOMAIN.test(value) ? value.toLowerCase() : undefined;
  const prefix = value.replace(SEPARATORS, '');
  return GLOBAL.test(prefix) ? prefix : undefined;
}

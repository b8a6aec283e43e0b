import {
  type IncomingRefer,
  paramValue,
  parseReplaces,
  parseSipUri,
  parseTelUri,
  parseUriHeaders,
  type Replaces,
  uriScheme,
} from '../../sip/stack.ts';

/** Where a REFER leads. */
export interface ReferredTo {
  /** As somebody would dial it: whatever host stands behind it, the box calls its own numbers alone. */
  readonly number: string;
  /** The call that is to be joined (RFC 3891). */
  readonly replaces: Replaces | undefined;
  /** BYE where that is allowed, and asked for. */
  readonly method: 'INVITE' | 'BYE';
}

/**
 * Reads Refer-To; the status that refuses it where nothing can be made of it. Of the headers in its URI Replaces alone counts.
 * `mayBye`: a conference may be asked to send BYE (RFC 4579 §5.11).
 */
export function readReferTo(
  { uri }: IncomingRefer['referTo'],
  mayBye = false,
): ReferredTo | { readonly status: number } {
  const scheme = uriScheme(uri)?.toLowerCase();
  if (scheme === 'tel') {
    const tel = parseTelUri(uri);
    return tel === undefined ? { status: 400 } : { number: tel.number, replaces: undefined, method: 'INVITE' };
  }
  if (scheme !== 'sip' && scheme !== 'sips') return { status: scheme === undefined ? 400 : 416 };
  const parsed = parseSipUri(uri);
  if (parsed === undefined) return { status: 400 };
  // RFC 3515 §2.1: another method would be sent in the name of the box.
  const method = (paramValue(parsed.params, 'method') ?? 'INVITE').toUpperCase();
  if (method !== 'INVITE' && !(mayBye && method === 'BYE')) return { status: 403 };
  const headers = parseUriHeaders(parsed.headers ?? '');
  if (headers === undefined) return { status: 400 };
  const replaces = headers.filter(([name]) => name === 'Replaces');
  const number = parsed.user ?? '';
  const [named] = replaces;
  if (named === undefined) return number === '' ? { status: 404 } : { number, replaces: undefined, method };
  const dialog = replaces.length === 1 ? parseReplaces(named[1]) : undefined;
  return dialog === undefined ? { status: 400 } : { number, replaces: dialog, method };
}

import { authParam, formatAuthField, parseAuthField } from './auth-params.ts';

/** Digest credentials: the value of Authorization or Proxy-Authorization (RFC 7616 §3.4, RFC 8760 §2.6). */
export interface DigestCredentials {
  readonly username: string;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  /** As on the wire, hex digits. */
  readonly response: string;
  /** In upper case: `MD5` where it is left out. */
  readonly algorithm: string;
  readonly opaque: string | undefined;
  /** In lower case: `auth`, `auth-int`; undefined for those of RFC 2069, which have neither of the two below. */
  readonly qop: string | undefined;
  readonly cnonce: string | undefined;
  /** As on the wire: eight hex digits. */
  readonly nonceCount: string | undefined;
}

const NONCE_COUNT = /^[0-9a-f]{8}$/i;

/** Undefined for another scheme, and for what does not follow the grammar or lacks what it must have. */
export function parseDigestCredentials(text: string): DigestCredentials | undefined {
  const field = parseAuthField(text);
  if (field === undefined || field.scheme !== 'digest') return undefined;
  const username = authParam(field, 'username');
  const realm = authParam(field, 'realm');
  const nonce = authParam(field, 'nonce');
  const uri = authParam(field, 'uri');
  const response = authParam(field, 'response');
  if (username === undefined || realm === undefined || nonce === undefined) return undefined;
  if (uri === undefined || response === undefined) return undefined;
  const qop = authParam(field, 'qop')?.toLowerCase();
  const cnonce = authParam(field, 'cnonce');
  const nonceCount = authParam(field, 'nc');
  if (qop !== undefined && (cnonce === undefined || nonceCount === undefined)) return undefined;
  if (nonceCount !== undefined && !NONCE_COUNT.test(nonceCount)) return undefined;
  const algorithm = (authParam(field, 'algorithm') ?? 'MD5').toUpperCase();
  const opaque = authParam(field, 'opaque');
  return { username, realm, nonce, uri, response, algorithm, opaque, qop, cnonce, nonceCount };
}

export function formatDigestCredentials(credentials: DigestCredentials): string {
  const { username, realm, nonce, uri, response, algorithm, opaque, qop, cnonce, nonceCount } = credentials;
  const params: (readonly [string, string | undefined])[] = [
    ['username', username],
    ['realm', realm],
    ['nonce', nonce],
    ['uri', uri],
    ['response', response],
    ['algorithm', algorithm],
    ['cnonce', cnonce],
    ['opaque', opaque],
    ['qop', qop],
    ['nc', nonceCount],
  ];
  const present = params.filter((param): param is readonly [string, string] => param[1] !== undefined);
  return formatAuthField('Digest', present);
}

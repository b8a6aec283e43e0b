/*
 * What nobody may read in a trace. Everything keeps its length, so that Content-Length and offsets stay right, and
 * nothing is parsed: malformed messages carry credentials as well.
 */

/** Header fields with credentials, with the lines that continue them (RFC 3261 §7.3.1); a CR alone ends none. */
const CREDENTIALS =
  /^(?:proxy-)?(?:authorization|authentication-info)[ \t]*:(?:[^\r\n]|\r(?!\n))*(?:\r?\n[ \t](?:[^\r\n]|\r(?!\n))*)*/gim;
/** Parameters of digest that prove the password, or help to guess it. Unquoted, where a client forgot the quotes. */
const PROOFS = /\b(response|cnonce|rspauth|password)([ \t]*=[ \t\r\n]*)("(?:[^"\\]|\\.)*"?|[^\s,;]*)/gis;
/** Any other scheme carries the secret itself: `Basic dXNlcjpwYXNz`. */
const SCHEME = /^([^:]*:\s*[^\s,="]+\s+)(.*\S.*)$/s;
/** What has no scheme is the secret as well. */
const VALUE = /^([^:]*:\s*)(.*)$/s;
/** `sip:user:password@host` */
const URI_PASSWORD = /(\bsips?:[^\s:@<>"]{1,256}:)([^\s@<>"]{1,256})(?=@)/gi;
/** `https://user:password@host` */
const WEB_PASSWORD = /(\bhttps?:\/\/[^\s:@<>"/]{1,256}:)([^\s@<>"/]{1,256})(?=@)/gi;
/** Keys of SDES (RFC 4568), in a=crypto or in what is offered beside it (RFC 5939): whatever the line, and each of it. */
const INLINE_KEY = /(\binline:)([^\s|;]+)/gi;
/** Other keys in SDP: ICE (RFC 8839), MIKEY (RFC 4567), and the oldest of all (RFC 4566 §5.12). */
const SDP_KEYS = /^((?:a=acap:\d{1,9}[ \t]+|a=)(?:ice-pwd:|key-mgmt:[^\s]*[ \t]+)|k=(?:clear|base64|uri):)([^\s|]+)/gim;

/** A copy in which credentials are written as `*`. */
export function maskCredentials(bytes: Buffer): Buffer {
  const text = bytes
    .toString('latin1')
    .replace(CREDENTIALS, maskField)
    .replace(URI_PASSWORD, (_all, before: string, secret: string) => before + stars(secret))
    .replace(WEB_PASSWORD, (_all, before: string, secret: string) => before + stars(secret))
    .replace(SDP_KEYS, (_all, before: string, secret: string) => before + stars(secret))
    .replace(INLINE_KEY, (_all, before: string, secret: string) => before + stars(secret));
  return Buffer.from(text, 'latin1');
}

function maskField(field: string): string {
  const isDigest = /^[^:]*:\s*digest\b/i.test(field) || /^[^:]*authentication-info/i.test(field);
  if (!isDigest) {
    const whole = SCHEME.test(field) ? SCHEME : VALUE;
    return field.replace(whole, (_all, before: string, secret: string) => before + stars(secret));
  }
  return field.replace(PROOFS, (_all, name: string, equals: string, value: string) => {
    if (!value.startsWith('"')) return name + equals + stars(value);
    const isClosed = value.length > 1 && value.endsWith('"');
    return `${name}${equals}"${stars(value.slice(1, isClosed ? -1 : undefined))}${isClosed ? '"' : ''}`;
  });
}

/** Line ends stay, since they belong to the message. */
function stars(secret: string): string {
  return secret.replace(/[^\r\n]/g, '*');
}

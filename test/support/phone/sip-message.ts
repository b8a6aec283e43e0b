/** SIP messages of the test phone: written apart from firmware/sip, so that one mistake cannot hide in both. */

export interface SipMessage {
  /** Of a request. */
  readonly method?: string;
  /** Of a request: the Request-URI. */
  readonly uri?: string;
  /** Of a response. */
  readonly status?: number;
  readonly reason?: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

const COMPACT: Readonly<Record<string, string>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  l: 'content-length',
  c: 'content-type',
  k: 'supported',
  e: 'content-encoding',
  s: 'subject',
};

/** Reads one whole message; undefined where it is none. */
export function parseSip(text: string): SipMessage | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [startLine = '', ...lines] = text
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
  const body = text.slice(end + 4);
  const response = /^SIP\/2\.0 ([1-6][0-9]{2}) ?(.*)$/.exec(startLine);
  if (response !== null) return { status: Number(response[1]), reason: response[2] ?? '', headers, body };
  const request = /^([A-Z]+) (\S+) SIP\/2\.0$/.exec(startLine);
  if (request === null) return undefined;
  return { method: request[1] ?? '', uri: request[2] ?? '', headers, body };
}

/** All values of a header, in order; a list on one line stays one value. */
export function headerValues(message: SipMessage, name: string): readonly string[] {
  const wanted = name.toLowerCase();
  const matching = message.headers.filter(
    ([found]) => (COMPACT[found.toLowerCase()] ?? found.toLowerCase()) === wanted,
  );
  return matching.map(([, value]) => value);
}

/** The first value of a header, '' where it is missing. */
export function headerValue(message: SipMessage, name: string): string {
  return headerValues(message, name)[0] ?? '';
}

export function formatSip(message: SipMessage): string {
  const startLine =
    message.status === undefined
      ? `${message.method} ${message.uri} SIP/2.0`
      : `SIP/2.0 ${message.status} ${message.reason ?? ''}`;
  const headers = message.headers.filter(([name]) => name.toLowerCase() !== 'content-length');
  const lines = headers.map(([name, value]) => `${name}: ${value}`);
  return [startLine, ...lines, `Content-Length: ${Buffer.byteLength(message.body)}`, '', message.body].join('\r\n');
}

/** The URI inside `"Name" <uri>;parameters` or of a bare `uri;parameters`. */
export function uriOf(nameAddress: string): string {
  return /<([^>]*)>/.exec(nameAddress)?.[1] ?? (nameAddress.split(';', 1)[0] ?? '').trim();
}

/** A parameter behind the URI of From, To, Via or Contact: '' where it has no value, undefined where it is missing. */
export function parameterOf(value: string, name: string): string | undefined {
  const behind = value.replace(/^.*>/, '');
  const match = new RegExp(`;\\s*${name}(?:\\s*=\\s*("[^"]*"|[^;,\\s]*))?(?=[;,\\s]|$)`, 'i').exec(behind);
  return match === null ? undefined : (match[1] ?? '').replace(/^"|"$/g, '');
}

/** Host (without brackets) and port of a SIP URI. */
export function hostPortOf(uri: string): { readonly host: string; readonly port: number } {
  const match = /^sips?:(?:[^@]*@)?(\[[^\]]+\]|[^:;?>]+)(?::([0-9]+))?/.exec(uri);
  return { host: (match?.[1] ?? '').replace(/^\[|\]$/g, ''), port: Number(match?.[2] ?? 5060) };
}

/** An address as it stands in a URI: IPv6 in brackets. */
export function uriHost(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** The usual spelling of the names that matter for speed; any other name is spelled by rule. */
const SPELLINGS = [
  'Accept',
  'Accept-Contact',
  'Accept-Encoding',
  'Accept-Language',
  'Alert-Info',
  'Allow',
  'Allow-Events',
  'Authorization',
  'Call-ID',
  'Call-Info',
  'Contact',
  'Content-Disposition',
  'Content-Encoding',
  'Content-Length',
  'Content-Type',
  'CSeq',
  'Date',
  'Diversion',
  'Event',
  'Expires',
  'Flow-Timer',
  'From',
  'History-Info',
  'Identity',
  'Join',
  'Max-Forwards',
  'MIME-Version',
  'Min-Expires',
  'Min-SE',
  'P-Asserted-Identity',
  'P-Preferred-Identity',
  'Path',
  'Privacy',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'Proxy-Require',
  'RAck',
  'Reason',
  'Record-Route',
  'Refer-Sub',
  'Refer-To',
  'Referred-By',
  'Reject-Contact',
  'Remote-Party-ID',
  'Replaces',
  'Request-Disposition',
  'Require',
  'Retry-After',
  'Route',
  'RSeq',
  'Server',
  'Service-Route',
  'Session-Expires',
  'SIP-ETag',
  'SIP-If-Match',
  'Subject',
  'Subscription-State',
  'Supported',
  'Target-Dialog',
  'Timestamp',
  'To',
  'Unsupported',
  'User-Agent',
  'Via',
  'Warning',
  'WWW-Authenticate',
] as const;

/** RFC 3261 §7.3.3 and the registry of later compact forms. */
const COMPACT_FORMS = {
  a: 'Accept-Contact',
  b: 'Referred-By',
  c: 'Content-Type',
  d: 'Request-Disposition',
  e: 'Content-Encoding',
  f: 'From',
  i: 'Call-ID',
  j: 'Reject-Contact',
  k: 'Supported',
  l: 'Content-Length',
  m: 'Contact',
  o: 'Event',
  r: 'Refer-To',
  s: 'Subject',
  t: 'To',
  u: 'Allow-Events',
  v: 'Via',
  x: 'Session-Expires',
  y: 'Identity',
} as const;

/** A bit for each header that the parser looks at by itself. */
export const MARK = {
  via: 1,
  from: 2,
  to: 4,
  callId: 8,
  cseq: 16,
  maxForwards: 32,
  contentLength: 64,
  contentType: 128,
  expires: 256,
  route: 512,
  recordRoute: 1024,
  contact: 2048,
} as const;

const MARKS: Readonly<Record<string, number>> = {
  Via: MARK.via,
  From: MARK.from,
  To: MARK.to,
  'Call-ID': MARK.callId,
  CSeq: MARK.cseq,
  'Max-Forwards': MARK.maxForwards,
  'Content-Length': MARK.contentLength,
  'Content-Type': MARK.contentType,
  Expires: MARK.expires,
  Route: MARK.route,
  'Record-Route': MARK.recordRoute,
  Contact: MARK.contact,
};

/** RFC 3261 §7.3.1: what is no comma-separated list may stand once only; these are the ones that matter here. */
export const SINGLE_MARKS =
  MARK.from |
  MARK.to |
  MARK.callId |
  MARK.cseq |
  MARK.maxForwards |
  MARK.contentLength |
  MARK.contentType |
  MARK.expires;

/** A name as messages spell it, and what it stands for. */
export interface HeaderName {
  readonly spelling: string;
  readonly name: string;
  /** One of MARK, or 0. */
  readonly mark: number;
}

const CANONICAL = new Map<string, HeaderName>();
/** By length and first letter, so that a name on the wire is found without being cut out or hashed. */
const BUCKETS: HeaderName[][] = [];
const LONGEST = 31;

function learn(spelling: string, name: string): void {
  if (CANONICAL.has(spelling)) return;
  const entry: HeaderName = { spelling, name, mark: MARKS[name] ?? 0 };
  CANONICAL.set(spelling, entry);
  const bucket = bucketOf(spelling.length, spelling.charCodeAt(0));
  BUCKETS[bucket] = [...(BUCKETS[bucket] ?? []), entry];
}

function bucketOf(length: number, firstCode: number): number {
  return (length << 5) | (firstCode & 31);
}

for (let index = 0; index <= bucketOf(LONGEST, 31); index += 1) BUCKETS.push([]);
for (const name of SPELLINGS) learn(name, name);
for (const [form, name] of Object.entries(COMPACT_FORMS)) {
  learn(form, name);
  learn(form.toUpperCase(), name);
}
for (const name of SPELLINGS) learn(name.toLowerCase(), name);

/** The name that stands in `text` from `start` to `end`. */
export function headerNameAt(text: string, start: number, end: number): HeaderName {
  const length = end - start;
  if (length <= LONGEST) {
    const bucket = BUCKETS[bucketOf(length, text.charCodeAt(start))];
    if (bucket !== undefined) {
      for (const entry of bucket) {
        if (text.startsWith(entry.spelling, start)) return entry;
      }
    }
  }
  return headerName(text.slice(start, end));
}

function headerName(name: string): HeaderName {
  const lower = name.toLowerCase();
  return (
    CANONICAL.get(lower) ?? {
      spelling: name,
      name: lower.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase()),
      mark: 0,
    }
  );
}

/** One spelling for all that RFC 3261 §7.3.1 calls the same name, compact forms included. */
export function canonicalName(name: string): string {
  return (CANONICAL.get(name) ?? headerName(name)).name;
}

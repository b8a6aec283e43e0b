import { COMMA, splitOutside } from './grammar.ts';

export type HeaderField = readonly [name: string, value: string];

/** The usual spelling of the names that matter for speed; any other name is spelled by rule. */
const SPELLINGS = [
  'Accept',
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
  'From',
  'History-Info',
  'Max-Forwards',
  'MIME-Version',
  'Min-Expires',
  'Min-SE',
  'P-Asserted-Identity',
  'P-Preferred-Identity',
  'Path',
  'PRack',
  'Privacy',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'Proxy-Require',
  'RAck',
  'Reason',
  'Record-Route',
  'Refer-To',
  'Referred-By',
  'Remote-Party-ID',
  'Replaces',
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

const CANONICAL = new Map<string, string>();
for (const name of SPELLINGS) CANONICAL.set(name, name).set(name.toLowerCase(), name);
for (const [form, name] of Object.entries(COMPACT_FORMS)) CANONICAL.set(form, name).set(form.toUpperCase(), name);

/** One spelling for all that RFC 3261 §7.3.1 calls the same name, compact forms included. */
export function canonicalName(name: string): string {
  const known = CANONICAL.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  return CANONICAL.get(lower) ?? lower.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

/** The header fields of one message, in their order. */
export class Headers {
  readonly fields: readonly HeaderField[];

  /** Names may come in any case or in compact form. */
  constructor(fields: readonly HeaderField[]) {
    // Most fields come from the parser or from ourselves and need no second spelling.
    const spelled = fields.every(([name]) => CANONICAL.get(name) === name);
    this.fields = spelled ? fields : fields.map(([name, value]) => [canonicalName(name), value]);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /** The value of the first field of that name. */
  get(name: string): string | undefined {
    const canonical = canonicalName(name);
    for (const field of this.fields) {
      if (field[0] === canonical) return field[1];
    }
    return undefined;
  }

  /** The values field by field, commas untouched: for Authorization and WWW-Authenticate (RFC 3261 §7.3.1). */
  all(name: string): readonly string[] {
    const canonical = canonicalName(name);
    const values: string[] = [];
    for (const field of this.fields) {
      if (field[0] === canonical) values.push(field[1]);
    }
    return values;
  }

  /** The comma-separated values of all fields of that name; undefined when a quote or bracket stays open. */
  list(name: string): readonly string[] | undefined {
    const values: string[] = [];
    for (const value of this.all(name)) {
      const parts = value.includes(',') ? splitOutside(value, COMMA) : [value.trim()];
      if (parts === undefined) return undefined;
      for (const part of parts) {
        if (part.length > 0) values.push(part);
      }
    }
    return values;
  }
}

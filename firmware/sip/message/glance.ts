import { canonicalName } from './header-names.ts';

/** What a trace is searched by. */
export interface Glance {
  /** Of a request its own, of a response that in CSeq; empty where there is none. */
  readonly method: string;
  readonly status: number | undefined;
  readonly callId: string;
  /** The user parts of Request-URI, From, To and Contact, and whoever logs in; each once. */
  readonly users: readonly string[];
}

/** Further lines are not looked at: a message that is in order has fewer. */
const MAX_LINES = 150;
/** Nor more of a line. */
const MAX_LINE_LENGTH = 2048;
const USER_FIELDS = new Set(['From', 'To', 'Contact', 'P-Asserted-Identity']);
/** Bounded in each part, since every `sip:` of a hostile line begins anew. */
const URI_USER = /\b(?:sips?:([^\s@:;<>"]{1,128})(?::[^\s@<>"]{0,128})?@|tel:([^\s;<>",]{1,128}))/gi;
const USERNAME = /\busername[ \t]*=[ \t]*"?([^",\s]{1,128})/i;

/** Reads what it can of a message, malformed or not; never throws. */
export function glance(bytes: Buffer): Glance {
  const headEnd = bytes.indexOf('\r\n\r\n');
  const head = bytes.toString('latin1', 0, headEnd === -1 ? bytes.length : headEnd);
  const [startLine = '', ...lines] = head.split(/\r?\n/, MAX_LINES);
  const users = new Set<string>();
  const status = /^SIP\/\d\.\d (\d{3})\b/.exec(startLine)?.[1];
  let method = status === undefined ? (/^([^\s]{1,32}) /.exec(startLine)?.[1] ?? '') : '';
  let callId = '';
  if (status === undefined) addUsers(startLine, users);
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const name = canonicalName(line.slice(0, colon).trim());
    const value = line.slice(colon + 1).trim();
    if (USER_FIELDS.has(name)) addUsers(value, users);
    else if (name === 'Call-ID') callId ||= value;
    else if (name === 'CSeq' && status !== undefined) method ||= /^\d+\s+(\S{1,32})/.exec(value)?.[1] ?? '';
    else if (name === 'Authorization' || name === 'Proxy-Authorization') {
      const username = USERNAME.exec(value)?.[1];
      if (username !== undefined) users.add(username);
    }
  }
  return { method, status: status === undefined ? undefined : Number(status), callId, users: [...users] };
}

function addUsers(text: string, users: Set<string>): void {
  for (const [, sip, tel] of text.slice(0, MAX_LINE_LENGTH).matchAll(URI_USER)) users.add(decoded(sip ?? tel ?? ''));
}

/** As people write it: `%32%30%31` is 201. */
function decoded(user: string): string {
  try {
    return decodeURIComponent(user);
  } catch {
    return user;
  }
}

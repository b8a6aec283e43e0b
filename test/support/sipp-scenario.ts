import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/*
 * Scenarios are sipp's XML with a few elements more, so that a rule stands in ten lines and not in two hundred:
 *
 * <request in="dialog" auth="401" sdp="sendonly" as="callee">  a request; headers that are not written are added
 * <response to="invite" in="dialog" sdp="sendrecv">            an answer to what came last, or to what <invited/> kept
 * <invited/>                                                   receives an INVITE and keeps what its answers need
 * <has header="Contact" match="…"/>, <lacks …/>                within <recv> and <invited>: what must, or must not, stand
 *                                                              there; without header in the body, or with in="message"
 *                                                              anywhere from the first line on
 * <keep header="RSeq" as="rseq"/>                            the value, for a later `[$rseq]`
 * <include piece="name"/>                                      the steps in pieces/name.xml
 */

type Attributes = Readonly<Record<string, string>>;

interface Transaction {
  readonly branch: string;
  readonly cSeq: number;
  readonly method: string;
  readonly uri: string;
}

export interface Scenario {
  /** As sipp takes it. */
  readonly text: string;
  /** What [authentication] proves, without scheme: the address of the first request. Undefined where nothing is sent. */
  readonly digestUri: string | undefined;
}

/**
 * Over UDP a request without an answer is sent again after this time, more than the 500 ms of RFC 3261 §17.1.1.1: nothing is
 * lost on the way to a box on this machine, and a second answer of one that was merely slow would come in the midst of what
 * follows, or to the next sipp on that port.
 */
const T1_MS = 5000;

/** `keys` are what stands in the scenario as `[name]`. */
export function expandScenario(path: string, keys: Readonly<Record<string, string>>): Scenario {
  return new Expansion(path, keys);
}

class Expansion implements Scenario {
  readonly text: string;
  digestUri: string | undefined;
  readonly #folder: string;
  readonly #keys: Readonly<Record<string, string>>;
  #branches = 0;
  #challenges = 0;
  #variables: string[] = [];
  /** Of the requests that we send, by the side that we are in the dialog. */
  readonly #cSeq = { caller: 0, callee: 0 };
  #last: Transaction | undefined;

  constructor(path: string, keys: Readonly<Record<string, string>>) {
    this.#folder = dirname(path);
    this.#keys = keys;
    const source = this.#included(readFileSync(path, 'utf8')).replace(/<!--[\s\S]*?-->/g, '');
    const body = source
      .replace(/<(request|response|invited)\b([^>]*?)(?:\/>|>([\s\S]*?)<\/\1>)/g, (_, element, attributes, content) =>
        this.#element(element, attributesOf(attributes), content ?? ''),
      )
      .replace(/(<recv\b[^>]*[^/])>([\s\S]*?)<\/recv>/g, (_, opening, content) => this.#recv(opening, content));
    const variables = [...new Set(this.#variables)].join(',');
    const reference = variables === '' ? '' : `<Reference variables="${variables}"/>\n`;
    this.text = `<?xml version="1.0" encoding="UTF-8"?>\n${body.trim().replace(/<\/scenario>$/, `${reference}</scenario>`)}\n`;
  }

  #included(source: string): string {
    return source.replace(/<\?xml[^>]*>/, '').replace(/<include\b([^>]*?)\/>/g, (_, text) => {
      const { piece = '', ...values } = attributesOf(text);
      let content = this.#included(readFileSync(join(this.#folder, '..', 'pieces', `${piece}.xml`), 'utf8'));
      for (const [name, value] of Object.entries(values)) content = content.replaceAll(`{${name}}`, value);
      return content.replace(/\{[a-z]+\}/g, '');
    });
  }

  #element(element: string, attributes: Attributes, content: string): string {
    if (element === 'invited') return this.#invited(attributes, content);
    return element === 'request' ? this.#request(attributes, content) : this.#response(attributes, content);
  }

  #request(attributes: Attributes, content: string): string {
    const { auth, start_txn: transaction, ...rest } = attributes;
    const named = transaction === undefined ? rest : { ...rest, start_txn: transaction };
    if (auth === undefined) return this.#oneRequest(named, content);
    this.#challenges += 1;
    const asked = `asked${this.#challenges}`;
    const first = this.#oneRequest({ ...rest, start_txn: asked }, content);
    const isInvite = this.#last?.method === 'INVITE';
    const provisional = isInvite ? '<recv response="100" optional="true"/>\n' : '';
    const challenge = `<recv response="${auth}" response_txn="${asked}" auth="true"/>\n`;
    const acknowledged = isInvite ? this.#oneRequest({ in: 'transaction', ack_txn: asked }, 'ACK') : '';
    const second = this.#oneRequest(named, content, '[authentication]');
    // The box forgets whom it challenged: a request that was sent again meanwhile gets a challenge of its own, later on.
    const late = `<recv response="${auth}" response_txn="${asked}" optional="true"/>\n`;
    return `${first}${provisional}${challenge}${acknowledged}${second}${late}`;
  }

  #oneRequest(attributes: Attributes, content: string, credentials?: string): string {
    const { start, headers, body } = partsOf(content, attributes.sdp);
    const [method = '', uri = this.#uriFor(start, attributes)] = start.split(/\s+/);
    const asCallee = attributes.as === 'callee';
    const side = asCallee ? 'callee' : 'caller';
    const within = attributes.in;
    const isOfLast = within === 'transaction' && this.#last !== undefined;
    if (!isOfLast && method !== 'ACK') this.#cSeq[side] += 1;
    const branch = isOfLast ? (this.#last?.branch ?? '') : this.#newBranch();
    const cSeq = isOfLast || method === 'ACK' ? (this.#last?.cSeq ?? 0) : this.#cSeq[side];
    if (!isOfLast && method !== 'ACK') this.#last = { branch, cSeq, method, uri };
    this.digestUri ??= this.#resolved(uri.replace(/^sips?:/, ''));
    const to = method === 'REGISTER' ? 'sip:[user]@[box]' : uri;
    const isTagged = within === 'dialog' || (isOfLast && method === 'ACK');
    const remote = within === 'dialog' ? 'sip:[peer]@[box]' : to;
    const defaults: (readonly [string, string])[] = [
      ['Via', `SIP/2.0/[via] [local_ip]:[local_port];branch=${branch};rport`],
      ...(within === 'dialog' ? [['', '[routes]'] as const] : []),
      ['Max-Forwards', '70'],
      ['From', asCallee ? '[$invite_to];tag=[pid]-[call_number]' : '<sip:[user]@[box]>;tag=[pid]-[call_number]'],
      ['To', asCallee ? '[$invite_from]' : `<${remote}>${isTagged ? '[peer_tag_param]' : ''}`],
      ['Call-ID', '[call_id]'],
      ['CSeq', `${cSeq} ${method}`],
      ...(NEEDS_CONTACT.has(method) ? [['Contact', '<[contact]>'] as const] : []),
      ...(credentials === undefined ? [] : [['', credentials] as const]),
    ];
    const message = messageOf(`${method} ${uri} SIP/2.0`, defaults, headers, body);
    if (asCallee) this.#variables.push('invite_to', 'invite_from');
    return send(message, method === 'ACK' ? '' : `retrans="${T1_MS}"`, attributes);
  }

  #uriFor(method: string, attributes: Attributes): string {
    if (attributes.in === 'dialog') return '[next_url]';
    if (attributes.in === 'transaction' && this.#last !== undefined) return this.#last.uri;
    if (method === 'REGISTER') return 'sip:[box]';
    return 'sip:[peer]@[box]';
  }

  #response(attributes: Attributes, content: string): string {
    const { start, headers, body } = partsOf(content, attributes.sdp);
    const toInvite = attributes.to === 'invite';
    const last = (name: string): string => (toInvite ? `[$invite_${name.toLowerCase()}]` : `[last_${name}]`);
    const tag = attributes.in === 'dialog' ? '' : ';tag=[pid]-[call_number]';
    const field = (name: string): string => (toInvite ? `${name}:${last(name)}` : `[last_${name}:]`);
    const defaults: (readonly [string, string])[] = [
      ['', field('Via')],
      ...(toInvite ? [] : [['', '[last_Record-Route:]'] as const]),
      ['', field('From')],
      ['', `${field('To')}${tag}`],
      ['', field('Call-ID')],
      ['', field('CSeq')],
      ['Contact', '<[contact]>'],
    ];
    if (toInvite) for (const name of KEPT) this.#variables.push(variableOf(name));
    return send(messageOf(`SIP/2.0 ${start}`, defaults, headers, body), '', attributes);
  }

  #invited(attributes: Attributes, content: string): string {
    const keeps = KEPT.map((name) => {
      this.#variables.push(variableOf(name));
      return `<ereg regexp=".*" search_in="hdr" header="${name}:" check_it="true" assign_to="${variableOf(name)}"/>`;
    });
    const rest = Object.entries(attributes).map(([name, value]) => ` ${name}="${value}"`);
    return `<recv request="INVITE" rrs="true"${rest.join('')}>\n<action>\n${keeps.join('\n')}\n${content}\n</action>\n</recv>\n`;
  }

  #recv(opening: string, content: string): string {
    const actions = content.replace(/<(has|lacks)\b([^>]*?)\/>/g, (_, kind, text) => {
      const { header, match = '.', occurrence, in: within } = attributesOf(text);
      const variable = `check${this.#variables.length}`;
      this.#variables.push(variable);
      const part = within === 'message' ? 'search_in="msg"' : 'search_in="body"';
      const where = header === undefined ? part : `search_in="hdr" header="${header}:"`;
      const nth = occurrence === undefined ? '' : ` occurrence="${occurrence}"`;
      const check = kind === 'has' ? 'check_it="true"' : 'check_it_inverse="true"';
      const pattern = match.replace(/\[([a-z_]+)\]/g, (whole, name) => escaped(this.#keys[name]) ?? whole);
      return `<ereg regexp="${pattern}" ${where}${nth} ${check} assign_to="${variable}"/>`;
    });
    const all = actions.replace(/<keep\b([^>]*?)\/>/g, (_, text) => {
      const { header = '', as: variable = '' } = attributesOf(text);
      this.#variables.push(variable);
      return `<ereg regexp=".*" search_in="hdr" header="${header}:" check_it="true" assign_to="${variable}"/>`;
    });
    const inner = all.includes('<action>') ? all : `<action>${all}</action>`;
    return `${opening}>${inner}</recv>`;
  }

  #newBranch(): string {
    this.#branches += 1;
    return `z9hG4bK-[pid]-[call_number]-${this.#branches}`;
  }

  #resolved(uri: string): string {
    return uri.replace(/\[([a-z_]+)\]/g, (whole, name) => this.#keys[name] ?? whole);
  }
}

const NEEDS_CONTACT = new Set(['INVITE', 'SUBSCRIBE', 'UPDATE', 'REFER']);
const KEPT = ['Via', 'From', 'To', 'Call-ID', 'CSeq'];

/** As it is to be found by a POSIX expression. */
function escaped(text: string | undefined): string | undefined {
  return text?.replace(/[.[\]*+?(){}^$|\\]/g, (char) => (char === '\\' || char === '^' ? `\\${char}` : `[${char}]`));
}

function variableOf(name: string): string {
  return `invite_${name.toLowerCase()}`;
}

function attributesOf(text: string): Attributes {
  return Object.fromEntries(
    [...text.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
  );
}

/** The lines of an element: start line, header fields, and after an empty line the body. */
function partsOf(
  content: string,
  direction: string | undefined,
): { readonly start: string; readonly headers: readonly string[]; readonly body: readonly string[] } {
  const lines = content
    .trim()
    .split('\n')
    .map((line) => line.replace(/^ {4}/, '').trimEnd());
  const empty = lines.indexOf('');
  const [start = '', ...headers] = empty < 0 ? lines : lines.slice(0, empty);
  if (direction === undefined) return { start, headers, body: empty < 0 ? [] : lines.slice(empty + 1) };
  return { start, headers: [...headers, 'Content-Type: application/sdp'], body: description(direction) };
}

/** A-law, and where the media come from. Its version is the same each time: what sipp offers again may have changed. */
function description(direction: string): readonly string[] {
  return [
    'v=0',
    'o=sipp 1 1 IN IP[local_ip_type] [media_ip]',
    's=-',
    'c=IN IP[media_ip_type] [media_ip]',
    't=0 0',
    'm=audio [media_port] RTP/AVP 8',
    'a=rtpmap:8 PCMA/8000',
    `a=${direction}`,
  ];
}

/** Headers that are written stand in the place of the default; `Name: -` leaves the default out. */
function messageOf(
  start: string,
  defaults: readonly (readonly [string, string])[],
  written: readonly string[],
  body: readonly string[],
): string {
  const names = new Set(written.map((line) => line.split(':', 1)[0]?.trim().toLowerCase() ?? ''));
  return [
    start,
    ...defaults
      .filter(([name]) => !names.has(name.toLowerCase()))
      .map(([name, value]) => (name === '' ? value : `${name}: ${value}`)),
    ...written.filter((line) => !/^[\w-]+: -$/.test(line)),
    ...(names.has('content-length') ? [] : ['Content-Length: [len]']),
    '',
    ...body,
  ].join('\n');
}

function send(message: string, options: string, attributes: Attributes): string {
  const rest = ['next', 'test', 'lost', 'start_txn', 'ack_txn'].flatMap((name) => {
    const value = attributes[name];
    return value === undefined ? [] : [`${name}="${value}"`];
  });
  return `<send ${[options, ...rest].filter((text) => text !== '').join(' ')}>\n<![CDATA[\n${message}\n]]>\n</send>\n`;
}

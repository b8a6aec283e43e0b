import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseContacts } from '../../../firmware/sip/message/contact.ts';
import { paramValue } from '../../../firmware/sip/message/params.ts';
import { parseMessage } from '../../../firmware/sip/message/parser.ts';
import type { SipRequest } from '../../../firmware/sip/message/request.ts';
import { createResponse, type SipResponse } from '../../../firmware/sip/message/response.ts';
import { serialize } from '../../../firmware/sip/message/serializer.ts';

const fixtures = join(import.meta.dirname, '..', 'fixtures');
const read = (name: string): Buffer => readFileSync(join(fixtures, name));
const names = (folder: string): string[] => readdirSync(join(fixtures, folder)).sort();

function request(bytes: Buffer): SipRequest {
  const result = parseMessage(bytes);
  if (result.kind !== 'request') throw new Error(`no request: ${JSON.stringify(result)}`);
  return result.request;
}

function response(bytes: Buffer): SipResponse {
  const result = parseMessage(bytes);
  if (result.kind !== 'response') throw new Error(`no response: ${JSON.stringify(result)}`);
  return result.response;
}

t.test('a tortuous INVITE means what RFC 4475 §3.1.1.1 says', async (t) => {
  const invite = request(read('valid/tortuous-invite.dat'));
  t.equal(invite.method, 'INVITE');
  t.equal(invite.sipUri?.user, 'vivekg');
  t.equal(invite.to.uri, 'sip:vivekg@chair-dnrc.example.com');
  t.equal(invite.toTag, '1918181833n');
  t.equal(invite.from.displayName, 'J Rosenberg \\"');
  t.equal(invite.fromTag, '98asjd8');
  t.equal(invite.maxForwards, 68);
  t.same(invite.cseq, { number: 9, method: 'INVITE' });
  t.equal(invite.via.host, '192.0.2.2');
  t.equal(invite.via.branch, '390skdjuw');
  t.equal(invite.headers.list('Via')?.length, 3);
  t.equal(invite.headers.get('subject'), '');
  t.equal(invite.headers.get('NEWFANGLEDHEADER'), 'newfangled value continued newfangled value');
  const contacts = parseContacts(invite.headers);
  t.ok(Array.isArray(contacts));
  if (Array.isArray(contacts)) {
    t.equal(contacts[0].displayName, 'Quoted string ""');
    t.equal(contacts[0].q, 0.33);
    t.equal(paramValue(contacts[0].params, 'newparam'), 'newvalue');
  }
  t.equal(invite.body.toString(), 'v=0\r\n');
  t.equal(invite.sdp, 'v=0\r\n');
});

t.test('every token character is allowed where a token is', async (t) => {
  const odd = request(read('valid/wide-range-of-characters.dat'));
  t.equal(odd.method, "!interesting-Method0123456789_*+`.%indeed'~");
  t.equal(odd.sipUri?.host, 'example.com');
  t.equal(odd.sipUri?.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
  t.equal(odd.fromTag, "_token~1'+`*%!-.");
  t.equal(odd.from.displayName, "token1~` token2'+_ token3*%!.-");
});

t.test('escapes, compact forms, IPv6 and character sets', async (t) => {
  const escaped = request(read('valid/escaped-user.dat'));
  t.equal(escaped.sipUri?.user, 'sips:user@example.com');
  t.equal(escaped.sipUri?.host, 'example.net');
  const v6 = request(read('valid/compact-ipv6.dat'));
  t.equal(v6.sipUri?.host, '2001:db8::9:1');
  t.equal(v6.via.host, '2001:db8::9:2');
  t.equal(v6.via.port, 40001);
  t.equal(v6.from.displayName, 'Büro 2. OG');
  t.equal(request(read('valid/latin1-name.dat')).from.displayName, 'Büro');
});

t.test('bytes beyond Content-Length are cut, empty lines before the start skipped', async (t) => {
  const register = request(read('valid/bytes-beyond-length.dat'));
  t.equal(register.method, 'REGISTER');
  t.equal(register.body.length, 0);
});

t.test('responses', async (t) => {
  t.equal(response(read('valid/response-empty-reason.dat')).status, 100);
  t.equal(response(read('valid/response-utf8-reason.dat')).reason, '= 2**3 * 5**2 но сто');
});

t.test('what the serializer writes parses to the same', async (t) => {
  for (const name of names('valid')) {
    const first = parseMessage(read(`valid/${name}`));
    if (first.kind === 'malformed') throw new Error(`${name}: ${first.reason}`);
    const message = first.kind === 'request' ? first.request : first.response;
    const second = parseMessage(serialize(message));
    if (second.kind === 'malformed') throw new Error(`${name}: ${second.reason}`);
    const again = second.kind === 'request' ? second.request : second.response;
    const without = (fields: typeof message.headers.fields) => fields.filter(([field]) => field !== 'Content-Length');
    t.equal(again.startLine, message.startLine, name);
    t.same(without(again.headers.fields), without(message.headers.fields), name);
    t.ok(again.body.equals(message.body), name);
  }
});

t.test('a malformed request MUST be found, and answered with 400 where the headers allow', async (t) => {
  const unanswerable = new Set(['missing-via.dat', 'via-port-out-of-range.dat', 'first-via-empty.dat']);
  for (const name of names('invalid')) {
    const result = parseMessage(read(`invalid/${name}`));
    t.equal(result.kind, 'malformed', name);
    if (result.kind !== 'malformed') continue;
    t.equal(result.status, name === 'version-unknown.dat' ? 505 : 400, name);
    t.equal(result.request === undefined, unanswerable.has(name), `${name}: ${result.reason}`);
    if (result.request === undefined) continue;
    const answer = serialize(createResponse(result.request, 400, 'x')).toString();
    t.match(answer, /^SIP\/2.0 400 Bad Request\r\n/);
    const once = name === 'missing-call-id.dat' ? 0 : 1;
    t.equal(answer.split('Call-ID: bad.0ha0isndaksdj\r\n').length - 1, once, `${name}: Call-ID`);
    t.equal(answer.split('From: ').length - 1, 1, `${name}: From`);
  }
});

t.test('garbage is neither answered nor thrown at', async (t) => {
  for (const name of names('garbage')) {
    const result = parseMessage(read(`garbage/${name}`));
    t.equal(result.kind, 'malformed', name);
    if (result.kind === 'malformed') t.equal(result.request, undefined, name);
  }
});

t.test('every truncation of a message comes back as a value', async (t) => {
  for (const name of names('valid')) {
    const bytes = read(`valid/${name}`);
    for (let length = 0; length < bytes.length; length += 1) parseMessage(bytes.subarray(0, length));
  }
  t.pass('none threw');
});

t.test('a value cannot smuggle a header into what we send', async (t) => {
  const options = request(read('valid/compact-ipv6.dat'));
  const answer = createResponse(options, 200, 'x', { headers: [['Subject', 'a\r\nEvil: b']] });
  t.notMatch(serialize(answer).toString(), /\r\nEvil/);
});

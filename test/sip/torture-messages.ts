import type { Test } from 'tap';
import { parse } from '../../firmware/sdp/session-description.ts';
import { paramValue } from '../../firmware/sip/message/params.ts';
import { parseVia } from '../../firmware/sip/message/via.ts';
import {
  DigestAuthenticator,
  parseContacts,
  parseSipUri,
  type SipRequest,
  type SipResponse,
} from '../../firmware/sip/stack.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** One message of the RFCs, and what is to become of it. */
export interface Torture {
  /** The section of the RFC that the folder is named after. */
  readonly section: string;
  readonly name: string;
  /** The final status that the stack sends; TAKEN when the layer above got the request, undefined for silence. */
  readonly answer: number | undefined;
  /** What the answer must contain. */
  readonly contains?: RegExp;
  /** What the values must be of a message that the parser takes; without it the parser must refuse it. */
  readonly parsed?: (t: Test, message: SipRequest & SipResponse) => void;
}

/** What the layer above answers in these tests. */
export const TAKEN = 299;
const ok = (): void => undefined;

export const rfc4475: readonly Torture[] = [
  // 3.1.1: valid messages
  {
    section: '3.1.1.1',
    name: 'wsinv',
    // Its To has a tag of a dialog that is not there.
    answer: 481,
    parsed: (t, invite) => {
      t.equal(invite.sipUri?.user, 'vivekg');
      t.equal(invite.toTag, '1918181833n');
      t.equal(invite.from.displayName, 'J Rosenberg \\"');
      t.equal(invite.fromTag, '98asjd8');
      t.equal(invite.maxForwards, 68);
      t.same(invite.cseq, { number: 9, method: 'INVITE' });
      t.equal(invite.via.branch, '390skdjuw');
      t.same(
        invite.headers.list('Via')?.map((via) => parseVia(via)?.host),
        ['192.0.2.2', 'spindle.example.com', '192.168.255.111'],
      );
      t.equal(invite.headers.get('Subject'), '');
      t.equal(invite.headers.get('NEWFANGLEDHEADER'), 'newfangled value continued newfangled value');
      t.equal(invite.headers.get('UnknownHeaderWithUnusualValue'), ';;,,;;,;');
      const [contact] = contactsOf(invite);
      t.equal(contact?.displayName, 'Quoted string ""');
      t.equal(contact?.q, 0.33);
      t.equal(paramValue(contact?.params ?? [], 'newparam'), 'newvalue');
      t.match(invite.sdp, /^v=0\r\no=mhandley 29739/);
    },
  },
  {
    section: '3.1.1.2',
    name: 'intmeth',
    answer: 501,
    contains: /\r\nAllow: INVITE, ACK, /,
    parsed: (t, odd) => {
      t.equal(odd.method, "!interesting-Method0123456789_*+`.%indeed'~");
      t.equal(odd.sipUri?.user, "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
      t.equal(odd.sipUri?.password, "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
      t.equal(odd.to.displayName, 'BEL:\u0007 NUL:\u0000 DEL:\u007f');
      t.equal(odd.from.displayName, "token1~` token2'+_ token3*%!.-");
      t.equal(paramValue(odd.from.params, "fromparam''~+*_!.-%"), 'работающий');
      t.equal(odd.fromTag, "_token~1'+`*%!-.");
      t.equal(odd.callId, 'intmeth.word%ZK-!.*_+\'@word`~)(><:\\/"][?}{');
      t.equal(odd.headers.get("extensionHeader-!.%*+_`'~"), '\ufeff大停電');
    },
  },
  {
    section: '3.1.1.3',
    name: 'esc01',
    answer: TAKEN,
    parsed: (t, invite) => {
      t.equal(invite.sipUri?.user, 'sips:user@example.com');
      t.equal(invite.sipUri?.host, 'example.net');
      t.equal(parseSipUri(invite.to.uri)?.user, 'user');
      t.equal(parseSipUri(invite.from.uri)?.user, 'I have spaces');
      t.equal(parseSipUri(contactsOf(invite)[0]?.uri ?? '')?.user, 'caller');
    },
  },
  {
    section: '3.1.1.4',
    name: 'escnull',
    answer: TAKEN,
    parsed: (t, register) => {
      t.equal(parseSipUri(register.to.uri)?.user, 'null-\0-null');
      t.same(
        contactsOf(register).map((contact) => parseSipUri(contact.uri)?.user),
        ['\0', '\0\0'],
      );
    },
  },
  {
    section: '3.1.1.5',
    name: 'esc02',
    answer: 501,
    parsed: (t, request) => {
      t.equal(request.method, 'RE%47IST%45R');
      t.equal(request.to.displayName, '%Z%45');
      t.equal(request.via.branch, 'z9hG4bK209%fzsnel234');
      t.equal(contactsOf(request).length, 2);
    },
  },
  {
    section: '3.1.1.6',
    name: 'lwsdisp',
    answer: 200,
    parsed: (t, request) => t.equal(request.from.displayName, 'caller'),
  },
  {
    section: '3.1.1.7',
    name: 'longreq',
    answer: TAKEN,
    parsed: (t, request) => {
      t.equal(request.headers.list('Via')?.length, 34);
      t.match(request.via, { transport: 'TCP', host: 'sip33.example.com', branch: undefined });
      t.match(request.callId, /^longreq\.one(really){20}longcallid$/);
    },
  },
  {
    section: '3.1.1.8',
    name: 'dblreq',
    // A datagram holds one message: the INVITE behind it is not looked at.
    answer: TAKEN,
    parsed: (t, request) => {
      t.equal(request.method, 'REGISTER');
      t.equal(request.body.length, 0);
    },
  },
  {
    section: '3.1.1.9',
    name: 'semiuri',
    answer: 200,
    parsed: (t, request) => {
      t.equal(request.sipUri?.user, 'user;par=u@example.net');
      t.same(request.sipUri?.params, []);
    },
  },
  {
    section: '3.1.1.10',
    name: 'transports',
    answer: 200,
    parsed: (t, request) =>
      t.same(
        request.headers.list('Via')?.map((via) => parseVia(via)?.transport),
        ['UDP', 'SCTP', 'TLS', 'UNKNOWN', 'TCP'],
      ),
  },
  {
    section: '3.1.1.11',
    name: 'mpart01',
    answer: 405,
    parsed: (t, request) => {
      t.equal(request.contentType, 'multipart/mixed');
      t.equal(request.body.length, 553);
      t.ok(request.body.includes(Buffer.from('3082015206092a864886f7', 'hex')), 'bytes of the body as they are');
    },
  },
  {
    section: '3.1.1.12',
    name: 'unreason',
    answer: undefined,
    parsed: (t, response) => {
      t.equal(response.status, 200);
      t.equal(response.reason, '= 2**3 * 5**2 но сто девяносто девять - простое');
    },
  },
  {
    section: '3.1.1.13',
    name: 'noreason',
    answer: undefined,
    parsed: (t, response) => {
      t.equal(response.status, 100);
      t.equal(response.reason, '');
    },
  },

  // 3.1.2: invalid messages
  { section: '3.1.2.1', name: 'badinv01', answer: 400 },
  { section: '3.1.2.2', name: 'clerr', answer: 400 },
  { section: '3.1.2.3', name: 'ncl', answer: 400 },
  { section: '3.1.2.4', name: 'scalar02', answer: 400 },
  { section: '3.1.2.5', name: 'scalarlg', answer: undefined },
  { section: '3.1.2.6', name: 'quotbal', answer: 400 },
  { section: '3.1.2.7', name: 'ltgtruri', answer: 400 },
  { section: '3.1.2.8', name: 'lwsruri', answer: 400 },
  { section: '3.1.2.9', name: 'lwsstart', answer: 400 },
  {
    section: '3.1.2.10',
    name: 'trws',
    answer: 200,
    parsed: (t, request) => t.equal(request.uri, 'sip:remote-target@example.com'),
  },
  { section: '3.1.2.11', name: 'escruri', answer: 400 },
  {
    section: '3.1.2.12',
    name: 'baddate',
    // Nothing of ours depends on the header: RFC 4475 lets it pass then.
    answer: TAKEN,
    parsed: (t, request) => t.equal(request.headers.get('Date'), 'Fri, 01 Jan 2010 16:00:00 EST'),
  },
  { section: '3.1.2.13', name: 'regbadct', answer: 400 },
  { section: '3.1.2.14', name: 'badaspec', answer: 400 },
  { section: '3.1.2.15', name: 'baddn', answer: 400 },
  { section: '3.1.2.16', name: 'badvers', answer: 505, contains: /\r\nVia: SIP\/7\.0\/UDP c\.example\.com;/ },
  { section: '3.1.2.17', name: 'mismatch01', answer: 400 },
  { section: '3.1.2.18', name: 'mismatch02', answer: 400 },
  { section: '3.1.2.19', name: 'bigcode', answer: undefined },

  // 3.2: transaction layer; its own test stands below
  {
    section: '3.2.1',
    name: 'badbranch',
    answer: 200,
    parsed: (t, request) => t.equal(request.via.branch, 'z9hG4bK'),
  },

  // 3.3: application layer
  { section: '3.3.1', name: 'insuf', answer: 400 },
  { section: '3.3.2', name: 'unkscm', answer: 416, parsed: ok },
  { section: '3.3.3', name: 'novelsc', answer: 416, parsed: ok },
  {
    section: '3.3.4',
    name: 'unksm2',
    // The registrar refuses such a To (test/registrar); the stack hands it over.
    answer: TAKEN,
    parsed: (t, request) => {
      t.equal(request.to.uri, 'isbn:2983792873');
      t.equal(request.from.uri, 'http://www.example.com');
      t.equal(contactsOf(request)[0]?.uri, 'name:John_Smith');
    },
  },
  {
    section: '3.3.5',
    name: 'bext01',
    answer: 420,
    contains: /\r\nUnsupported: nothingSupportsThis, nothingSupportsThisEither\r\n/,
    parsed: ok,
  },
  { section: '3.3.6', name: 'invut', answer: 415, contains: /\r\nAccept: application\/sdp\r\n/, parsed: ok },
  {
    section: '3.3.7',
    name: 'regaut01',
    answer: TAKEN,
    parsed: (t, request) => {
      const digest = new DigestAuthenticator({ clock: new FakeClock() });
      const result = digest.verify(request.method, request.headers.all('Authorization'), {
        realm: 'example.com',
        lookup: () => undefined,
      });
      t.equal(result.kind, 'missing', 'a scheme that nobody knows is as none, which the registrar challenges');
    },
  },
  { section: '3.3.8', name: 'multi01', answer: 400 },
  { section: '3.3.9', name: 'mcl01', answer: 400 },
  {
    section: '3.3.10',
    name: 'bcast',
    answer: undefined,
    parsed: (t, response) => t.equal(response.headers.list('Via')?.length, 2),
  },
  // Max-Forwards counts for those that send a request on; who answers it by itself does not look.
  { section: '3.3.11', name: 'zeromf', answer: 200, parsed: (t, request) => t.equal(request.maxForwards, 0) },
  {
    section: '3.3.12',
    name: 'cparam01',
    answer: TAKEN,
    parsed: (t, request) => {
      t.same(contactsOf(request)[0]?.params, [['unknownparam', undefined]]);
      t.same(parseSipUri(contactsOf(request)[0]?.uri ?? '')?.params, []);
    },
  },
  {
    section: '3.3.13',
    name: 'cparam02',
    answer: TAKEN,
    parsed: (t, request) => {
      t.same(contactsOf(request)[0]?.params, []);
      t.same(parseSipUri(contactsOf(request)[0]?.uri ?? '')?.params, [['unknownparam', undefined]]);
    },
  },
  {
    section: '3.3.14',
    name: 'regescrt',
    answer: TAKEN,
    parsed: (t, request) =>
      t.equal(parseSipUri(contactsOf(request)[0]?.uri ?? '')?.headers, 'Route=%3Csip:sip.example.com%3E'),
  },
  { section: '3.3.15', name: 'sdp01', answer: 406, parsed: ok },

  // 3.4: backward compatibility. RFC 3261 §8.1.1.8 wants a Contact for a dialog, and this has none.
  { section: '3.4.1', name: 'inv2543', answer: 400, parsed: (t, request) => t.equal(request.sdp?.length, 105) },
];

export const rfc5118: readonly Torture[] = [
  {
    section: '4.1',
    name: 'ipv6-good',
    answer: TAKEN,
    parsed: (t, request) => {
      t.equal(request.sipUri?.host, '2001:db8::10');
      t.equal(request.via.host, '2001:db8::9:1');
      t.equal(parseSipUri(contactsOf(request)[0]?.uri ?? '')?.host, '2001:db8::1');
    },
  },
  { section: '4.2', name: 'ipv6-bad', answer: 400 },
  {
    section: '4.3',
    name: 'port-ambiguous',
    answer: TAKEN,
    parsed: (t, request) => t.match(request.sipUri, { host: '2001:db8::10:5070', port: undefined }),
  },
  {
    section: '4.4',
    name: 'port-unambiguous',
    answer: TAKEN,
    parsed: (t, request) => t.match(request.sipUri, { host: '2001:db8::10', port: 5070 }),
  },
  {
    section: '4.5',
    name: 'via-received-param-with-delim',
    answer: 481,
    parsed: (t, request) => t.equal(paramValue(request.via.params, 'received'), '[2001:db8::9:255]'),
  },
  {
    section: '4.5',
    name: 'via-received-param-no-delim',
    answer: 200,
    parsed: (t, request) => t.equal(paramValue(request.via.params, 'received'), '2001:db8::9:255'),
  },
  {
    section: '4.6',
    name: 'ipv6-in-sdp',
    answer: TAKEN,
    parsed: (t, request) => t.match(parse(request.sdp ?? ''), { connection: { address: '2001:db8::20' } }),
  },
  {
    section: '4.7',
    name: 'mult-ip-in-header',
    answer: 481,
    parsed: (t, request) =>
      t.same(
        request.headers.list('Via')?.map((via) => parseVia(via)?.host),
        ['2001:db8::9:1', '192.0.2.1', '2001:db8::9:255'],
      ),
  },
  {
    section: '4.8',
    name: 'mult-ip-in-sdp',
    answer: TAKEN,
    parsed: (t, request) =>
      t.match(parse(request.sdp ?? ''), {
        origin: { connection: { address: 'host.example.com' } },
        media: [{ connection: { address: '192.0.2.1' } }, { connection: { address: '2001:db8::1' } }],
      }),
  },
  {
    section: '4.9',
    name: 'ipv4-mapped-ipv6',
    answer: TAKEN,
    parsed: (t, request) => {
      t.match(request.via, { host: '::ffff:192.0.2.10', port: 19823 });
      t.equal(parseSipUri(contactsOf(request)[0]?.uri ?? '')?.host, '::ffff:192.0.2.2');
      t.match(parse(request.sdp ?? ''), { connection: { address: '::ffff:192.0.2.2' } });
    },
  },
  {
    section: '4.10',
    name: 'ipv6-bug-abnf-3-colons',
    answer: 200,
    parsed: (t, request) => t.equal(request.sipUri?.host, '2001:db8::192.0.2.1'),
  },
];

function contactsOf(request: SipRequest): Exclude<ReturnType<typeof parseContacts>, '*' | undefined> {
  const contacts = parseContacts(request.headers);
  return contacts === undefined || contacts === '*' ? [] : contacts;
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parse } from '../../firmware/sdp/session-description.ts';
import { parseContacts } from '../../firmware/sip/message/contact.ts';
import { paramValue } from '../../firmware/sip/message/params.ts';
import { parseMessage } from '../../firmware/sip/message/parser.ts';
import { createResponse } from '../../firmware/sip/message/response.ts';
import { serialize } from '../../firmware/sip/message/serializer.ts';
import { parseVia } from '../../firmware/sip/message/via.ts';
import {
  DigestAuthenticator,
  parseSipUri,
  type SipHandlers,
  type SipRequest,
  type SipResponse,
} from '../../firmware/sip/stack.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { RawPeer } from './support/raw-peer.ts';
import { openStack, within } from './support/stacks.ts';

interface Torture {
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
const TAKEN = 299;
const ok = (): void => undefined;

const rfc4475: readonly Torture[] = [
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

const rfc5118: readonly Torture[] = [
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

const layerAbove: SipHandlers = {
  onRequest: (request) => {
    if (request.message.method === 'REGISTER') request.respond(TAKEN);
    return request.message.method === 'REGISTER';
  },
  onInvite: (invite) => {
    // The session lets no 2xx without SDP out, so a refusal of an odd status stands for it.
    invite.reject(TAKEN + 400);
    return true;
  },
};

const fixtures = join(import.meta.dirname, 'fixtures');

for (const [folder, cases] of [
  ['rfc4475', rfc4475],
  ['rfc5118', rfc5118],
] as const) {
  const read = (name: string): Buffer => readFileSync(join(fixtures, folder, `${name}.dat`));

  t.test(`${folder}: the table names every file`, async (t) => {
    const names = readdirSync(join(fixtures, folder)).map((file) => file.replace(/\.dat$/, ''));
    t.same(cases.map(({ name }) => name).sort(), names.sort());
  });

  t.test(`${folder}: what MUST be understood is, what MUST be refused is`, async (t) => {
    for (const { section, name, parsed } of cases) {
      const result = parseMessage(read(name));
      if (parsed === undefined) {
        t.equal(result.kind, 'malformed', `§${section} ${name}`);
        continue;
      }
      if (result.kind === 'malformed') {
        t.fail(`§${section} ${name}: ${result.reason}`);
        continue;
      }
      const message = result.kind === 'request' ? result.request : result.response;
      await t.test(`§${section} ${name}`, async (t) => parsed(t, message as SipRequest & SipResponse));
      const again = parseMessage(serialize(message));
      t.equal(again.kind, result.kind, `§${section} ${name}: what is written can be read`);
    }
  });

  t.test(`${folder}: a stack SHOULD answer as the RFC says`, async (t) => {
    for (const { section, name, answer, contains } of cases) {
      // A stack each, since many of them share a branch and would be retransmissions of each other.
      const { stack, port } = await openStack(['udp'], '127.0.0.1', { methods: ['REGISTER'], handlers: layerAbove });
      const peer = await RawPeer.udp('127.0.0.1', port('udp'));
      peer.send(read(name));
      const probe = `probe-${name}`;
      peer.send(peer.request('OPTIONS', probe, { callId: probe }));
      // Datagrams of one socket stay in order on loopback: what comes before the probe's answer belongs to the fixture.
      const answers: string[] = [];
      for (;;) {
        const text = await within(peer.next(), `answer after ${name}`);
        if (text.includes(`Call-ID: ${probe}\r\n`)) break;
        answers.push(text);
      }
      peer.close();
      await stack.close();
      const final = answers.filter((text) => !text.startsWith('SIP/2.0 1')).at(-1);
      const status = final === undefined ? undefined : Number(final.slice(8, 11));
      t.equal(status === TAKEN + 400 ? TAKEN : status, answer, `§${section} ${name}`);
      if (contains !== undefined) t.match(final, contains, `§${section} ${name}`);
    }
  });
}

t.test('§3.2.1 requests that share a bare cookie for a branch are not retransmissions of each other', async (t) => {
  const { stack, port } = await openStack(['udp'], '127.0.0.1');
  t.teardown(() => stack.close());
  const peer = await RawPeer.udp('127.0.0.1', port('udp'));
  t.teardown(() => peer.close());
  const first = readFileSync(join(fixtures, 'rfc4475', 'badbranch.dat'), 'latin1');
  peer.send(first);
  t.match(await peer.next(), /\r\nCall-ID: badbranch\./);
  peer.send(first.replace('badbranch.', 'other.'));
  t.match(await peer.next(), /\r\nCall-ID: other\./);
});

t.test('§3.1.1.8 over TCP, both messages of a segment are answered', async (t) => {
  const { stack, port } = await openStack(['tcp'], '127.0.0.1');
  t.teardown(() => stack.close());
  const peer = await RawPeer.tcp('127.0.0.1', port('tcp'));
  t.teardown(() => peer.close());
  peer.send(readFileSync(join(fixtures, 'rfc4475', 'dblreq.dat')));
  const texts: string[] = [];
  while (!texts.join('').includes('Call-ID: dblreq.0ha0isnda977644900765@192.0.2.15')) texts.push(await peer.next());
  t.match(texts.join(''), /Call-ID: dblreq\.0ha0isndaksdj99sdfafnl3lk233412/);
});

t.test('an answer to what lacks From, To and Call-ID makes none up', async (t) => {
  const result = parseMessage(readFileSync(join(fixtures, 'rfc4475', 'insuf.dat')));
  if (result.kind !== 'malformed' || result.request === undefined) throw new Error('not answerable');
  const answer = serialize(createResponse(result.request, 400, 'tag')).toString();
  t.equal(
    answer,
    'SIP/2.0 400 Bad Request\r\nCSeq: 193942 INVITE\r\nVia: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf\r\nContent-Length: 0\r\n\r\n',
  );
});

t.test('§3.3.10 a response with a second Via is dropped, the one behind it taken', async (t) => {
  const { stack, port } = await openStack(['udp'], '127.0.0.1');
  t.teardown(() => stack.close());
  const peer = await RawPeer.udp('127.0.0.1', port('udp'));
  t.teardown(() => peer.close());
  const answered = stack.request({
    method: 'OPTIONS',
    requestUri: `sip:127.0.0.1:${peer.port}`,
    from: { uri: 'sip:a@127.0.0.1' },
    to: { uri: 'sip:b@127.0.0.1' },
  });
  const request = parseMessage(Buffer.from(await peer.next()));
  if (request.kind !== 'request') throw new Error('no request came');
  const right = serialize(createResponse(request.request, 200, 'tag')).toString();
  const second = '\r\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23\r\nFrom:';
  peer.send(right.replace('200 OK', '486 Busy Here').replace('\r\nFrom:', second));
  peer.send(right);
  t.equal((await within(answered, 'answer')).status, 200);
});

t.test('§3.4.1 a caller of RFC 2543, without a tag and a branch, gets its session and ends it', async (t) => {
  const ended: string[] = [];
  const { stack, port } = await openStack(['udp'], '127.0.0.1', {
    handlers: {
      onRequest: () => false,
      onInvite: (invite) => {
        invite.handlers = { onEnded: (cause) => ended.push(cause) };
        return invite.accept({ sdp: 'v=0\r\n' });
      },
    },
  });
  t.teardown(() => stack.close());
  const peer = await RawPeer.udp('127.0.0.1', port('udp'));
  t.teardown(() => peer.close());
  const contact = `Call-ID:inv2543\r\nContact: <sip:a@127.0.0.1:${peer.port}>\r\nX-Was`;
  const invite = readFileSync(join(fixtures, 'rfc4475', 'inv2543.dat'), 'latin1').replace('Call-ID', contact);
  peer.send(invite);
  const answer = await peer.next(/^SIP\/2\.0 200 /);
  t.notMatch(answer, /\r\nFrom: [^\r]*;tag=/);
  const tag = /\r\nTo: ([^\r]*)/.exec(answer)?.[1] ?? '';
  const inDialog = (method: string, cseq: number): string =>
    invite
      .slice(0, invite.indexOf('Content-Type'))
      .replaceAll('INVITE', method)
      .replace('CSeq: 56', `CSeq: ${cseq}`)
      .replace(/\r\nTo: [^\r]*/, `\r\nTo: ${tag}`)
      .concat('\r\n');
  peer.send(inDialog('ACK', 56));
  peer.send(inDialog('BYE', 57));
  t.match(await peer.next(/CSeq: 57 BYE/), /^SIP\/2\.0 200 /);
  t.same(ended, ['bye-received']);
});

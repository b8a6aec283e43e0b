import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseMessage } from '../../firmware/sip/message/parser.ts';
import { createResponse } from '../../firmware/sip/message/response.ts';
import { serialize } from '../../firmware/sip/message/serializer.ts';
import type { SipHandlers, SipRequest, SipResponse } from '../../firmware/sip/stack.ts';
import { RawPeer } from './support/raw-peer.ts';
import { openStack, within } from './support/stacks.ts';
import { rfc4475, rfc5118, TAKEN } from './torture-messages.ts';

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

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Sipp } from './sipp.ts';
import { expandScenario } from './sipp-scenario.ts';

const folder = mkdtempSync(join(tmpdir(), 'sipp-test-'));
t.teardown(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, 'pieces'));
mkdirSync(join(folder, 'topic'));

function written(name: string, steps: string): string {
  const path = join(folder, 'topic', `${name}.xml`);
  writeFileSync(path, `<scenario name="${name}">\n${steps}\n</scenario>\n`);
  return path;
}

const answered: readonly (readonly [string, string, boolean])[] = [
  ['what is there', '<has header="X-Answer" match="^ *forty.two$"/>', true],
  ['what is not there', '<lacks header="X-Question"/>', true],
  ['another value', '<has header="X-Answer" match="forty.three"/>', false],
  ['a header that is missing', '<has header="X-Question"/>', false],
  ['what must not be there', '<lacks header="X-Answer"/>', false],
  ['the first line', '<has in="message" match="^SIP/2.0 200 Fine"/>', true],
  ['a body that there is not', '<has match="m=audio"/>', false],
];

t.test('a scenario that expects what does not come fails, and tells what came', async (t) => {
  const peer = createSocket('udp4');
  peer.on('message', (data, from) => {
    const kept = data.toString('latin1').match(/^(Via|From|To|Call-ID|CSeq):.*\r\n/gm) ?? [];
    const response = `SIP/2.0 200 Fine\r\n${kept.join('')}X-Answer: forty-two\r\nContent-Length: 0\r\n\r\n`;
    peer.send(response, from.port, from.address);
  });
  peer.bind(0, '127.0.0.1');
  await once(peer, 'listening');
  t.teardown(() => peer.close());
  const run = async (scenario: string) => {
    const remote = { address: '127.0.0.1', port: peer.address().port };
    const keys = { user: '1', peer: '2', via: 'UDP', box: '127.0.0.1', contact: 'sip:1@127.0.0.1' };
    return await Sipp.start({ scenario, protocol: 'udp', address: '127.0.0.1', remote, keys }).result;
  };
  for (const [index, [title, check, passes]] of answered.entries()) {
    const scenario = written(`${index}`, `<request>OPTIONS</request>\n<recv response="200">${check}</recv>`);
    const { status, report } = await run(scenario);
    t.equal(status === 0, passes, title);
    t.match(report, /X-Answer: forty-two/, 'the report has the messages');
  }
  const other = await run(written('other', '<request>OPTIONS</request>\n<recv response="404"/>'));
  t.not(other.status, 0, 'another status');
});

t.test('a challenge to a request that was sent again does not answer the next one', async (t) => {
  const peer = createSocket('udp4');
  const asked: string[] = [];
  let tags = 0;
  const answer = (request: string, status: string): string => {
    const kept = request.match(/^(Via|From|To|Call-ID|CSeq):.*\r\n/gm) ?? [];
    tags += 1;
    const headers = kept.join('').replace(/^To: .*/m, (line) => `${line};tag=${tags}`);
    const challenge = 'WWW-Authenticate: Digest realm="box", nonce="1", qop="auth", algorithm=MD5\r\n';
    return `SIP/2.0 ${status}\r\n${headers}${status.startsWith('401') ? challenge : ''}Content-Length: 0\r\n\r\n`;
  };
  // As a slow box, that finds each request twice: once as it was sent, once as it was sent again.
  peer.on('message', (data, from) => {
    const request = data.toString('latin1');
    if (request.startsWith('ACK')) return;
    const send = (text: string): void => peer.send(text, from.port, from.address);
    if (/^Authorization:/m.test(request)) {
      for (let times = 0; times < 2; times += 1) send(answer(asked.at(-1) ?? '', '401 Unauthorized'));
      send(answer(request, '200 OK'));
    } else {
      asked.push(request);
      send(answer(request, '401 Unauthorized'));
    }
  });
  peer.bind(0, '127.0.0.1');
  await once(peer, 'listening');
  t.teardown(() => peer.close());
  const remote = { address: '127.0.0.1', port: peer.address().port };
  const keys = { user: '1', password: 'p', peer: '2', via: 'UDP', box: '127.0.0.1', contact: 'sip:1@127.0.0.1' };
  for (const method of ['REGISTER', 'INVITE']) {
    const acknowledged = method === 'INVITE' ? '<request in="dialog">ACK</request>' : '';
    const scenario = written(
      `late-${method}`,
      `<request auth="401">${method}</request><recv response="200"/>${acknowledged}`,
    );
    const { status, report } = await Sipp.start({ scenario, protocol: 'udp', address: '127.0.0.1', remote, keys })
      .result;
    if (!t.equal(status, 0, method)) t.comment(report);
  }
});

t.test('a request gets the headers that are not written', (t) => {
  writeFileSync(join(folder, 'pieces', 'said.xml'), '<request>MESSAGE {uri}</request>');
  const path = written(
    'request',
    `<request auth="401">REGISTER\n    Contact: -\n    Expires: 5</request>
     <include piece="said" uri="sip:9@[box]"/>`,
  );
  const { text, digestUri } = expandScenario(path, { box: '[::1]' });
  t.equal(digestUri, '[::1]');
  t.equal(text.match(/^REGISTER sip:\[box\] SIP\/2\.0$/gm)?.length, 2);
  t.match(text, /^CSeq: 1 REGISTER$[\s\S]*^CSeq: 2 REGISTER$[\s\S]*^\[authentication\]$[\s\S]*^CSeq: 3 MESSAGE$/m);
  t.match(text, /^MESSAGE sip:9@\[box\] SIP\/2\.0$/m);
  t.notMatch(text, /^Contact/m);
  t.equal(text.match(/^Expires: 5$/gm)?.length, 2);
  t.end();
});

t.test('ACK to a refusal and CANCEL are of the transaction, the ACK to an answer is not', (t) => {
  const path = written(
    'transactions',
    `<request>INVITE</request><request in="transaction">CANCEL</request><request in="transaction">ACK</request>
     <request>INVITE</request><request in="dialog">ACK</request><request in="dialog">BYE</request>`,
  );
  const { text } = expandScenario(path, {});
  const branches = [...text.matchAll(/branch=\S+-(\d+);/g)].map(([, number]) => number);
  t.same(branches, ['1', '1', '1', '2', '3', '4']);
  const cSeqs = [...text.matchAll(/CSeq: (.*)/g)].map(([, value]) => value);
  t.same(cSeqs, ['1 INVITE', '1 CANCEL', '1 ACK', '2 INVITE', '2 ACK', '3 BYE']);
  t.same(
    [...text.matchAll(/^To: .*$/gm)].map(([line]) => line.includes('tag')),
    [false, false, true, false, true, true],
  );
  t.end();
});

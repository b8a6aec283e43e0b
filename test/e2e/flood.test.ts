import { flood } from '../support/flood.ts';
import { runRingdown } from '../support/ringdown.ts';
import { officeTest } from './office.ts';

const PER_SECOND = 20_000;
const COUNT = 100_000;
/** Of them all, so that a phone's own packets are lost in the kernel now and then as well. */
const BOX = '127.0.0.1';

const request = (method: string, uri: string): Buffer =>
  Buffer.from(
    [
      `${method} ${uri} SIP/2.0`,
      'Via: SIP/2.0/UDP 127.9.9.9:5060;rport;branch=z9hG4bK########',
      'Max-Forwards: 70',
      'From: <sip:########@127.0.0.1>;tag=########',
      `To: <sip:${method === 'REGISTER' ? '########' : '201'}@127.0.0.1>`,
      'Call-ID: ########',
      `CSeq: 1 ${method}`,
      'Contact: <sip:########@127.9.9.9>',
      'Content-Length: 0',
      '\r\n',
    ].join('\r\n'),
  );

const floods: readonly (readonly [title: string, message: Buffer, sources: number])[] = [
  ['garbage from one address', Buffer.from(`\x00\xff######## ${'no SIP at all '.repeat(30)}`, 'latin1'), 1],
  ['OPTIONS from one address', request('OPTIONS', 'sip:201@127.0.0.1'), 1],
  ['REGISTER without credentials from one address', request('REGISTER', 'sip:127.0.0.1'), 1],
  ['INVITE without credentials from one address', request('INVITE', 'sip:201@127.0.0.1'), 1],
  ['REGISTER without credentials from a thousand addresses', request('REGISTER', 'sip:127.0.0.1'), 1000],
];

for (const [title, message, sources] of floods) {
  officeTest(`phones that are registered call each other through a flood: ${title}`, async (t, office) => {
    const reception = await office.registered('201', { localAddress: '127.0.0.3', server: BOX });
    const workshop = await office.registered('202', { localAddress: '127.0.0.4', server: BOX, incoming: 'answer' });
    const { sipPort: port, dataDirectory } = office.ringdown;
    let isOver = false;
    const flooding = flood({
      address: BOX,
      port,
      from: '127.9.0.1',
      sources,
      perSecond: PER_SECOND,
      count: COUNT,
      message,
    });
    void flooding.finally(() => {
      isOver = true;
    });
    const statuses: number[] = [];
    let calls = 0;
    while (!isOver) {
      statuses.push((await reception.call('202')).status);
      await workshop.incomingCall();
      statuses.push(await reception.bye());
      await workshop.ended();
      statuses.push((await workshop.register()).status, (await reception.register()).status);
      calls += 1;
    }
    const { sent, tookMs } = await flooding;
    t.comment(`${calls} calls while ${sent} datagrams came in ${tookMs} ms`);
    t.equal(sent, COUNT);
    t.same(new Set(statuses), new Set([200]), 'no call and no registration failed');
    t.ok(calls > 0);

    const { stdout } = await runRingdown(['defence', 'list', '--data', dataDirectory]);
    const [, rate, blocked, scanner] =
      /(\d+) over the limit, (\d+) blocked, (\d+) of scanners/.exec(stdout)?.map(Number) ?? [];
    t.comment(stdout.split('\n').slice(-3).join(' '));
    t.ok((rate ?? 0) + (blocked ?? 0) + (scanner ?? 0) > 0, 'the defence had to do with it');
    const lines = office.ringdown.log.split('\n').filter((line) => line.includes('"source"')).length;
    // A line for each source and second, and a hundred a second at the most, for seven seconds and what came late.
    const most = Math.min(sources, 100) * 10 + 20;
    t.ok(lines <= most, `${lines} lines of log about strangers, of ${most}`);
  });
}

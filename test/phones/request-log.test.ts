import t from 'tap';
import { type AnsweredRequest, MAX_LOGGED_REQUESTS, RequestLog } from '../../firmware/phones/request-log.ts';
import { FakeClock } from '../support/fake-clock.ts';

const SERVED: AnsweredRequest = {
  name: '46xxsettings.txt',
  lan: 'lan1',
  remoteAddress: '192.168.42.50',
  isSecure: false,
  userAgent: 'Avaya Communicator/3.0',
  method: 'GET',
  status: 200,
  sentBytes: 6123,
  origin: 'generated',
  why: 'generated for LAN1, IPv4',
};
const REFUSED: AnsweredRequest = { ...SERVED, status: 404, sentBytes: 0, origin: undefined, why: 'no such file' };

t.test('the last thousand are kept, the newest first', async (t) => {
  const clock = new FakeClock();
  const log = new RequestLog(clock);
  t.strictSame(log.latest(), []);
  for (let index = 0; index < MAX_LOGGED_REQUESTS + 500; index += 1) {
    log.add({ ...SERVED, sentBytes: index });
    clock.advance(1);
  }
  const latest = log.latest();
  t.equal(latest.length, MAX_LOGGED_REQUESTS);
  t.strictSame(latest[0], { ...SERVED, sentBytes: 1499, atMs: clock.now() - 1, times: 1 });
  t.equal(latest.at(-1)?.sentBytes, 500);
  t.strictSame(
    log.latest(3).map(({ sentBytes }) => sentBytes),
    [1499, 1498, 1497],
  );
});

t.test('who is refused the same again and again takes one entry', async (t) => {
  const clock = new FakeClock();
  const log = new RequestLog(clock);
  log.add(SERVED);
  log.add(SERVED);
  for (let index = 0; index < 5000; index += 1) {
    log.add(REFUSED);
    clock.advance(10);
  }
  t.match(log.latest(), [
    { status: 404, times: 5000, atMs: clock.now() - 10 },
    { status: 200, times: 1 },
    { times: 1 },
  ]);
  for (const other of [
    { ...REFUSED, remoteAddress: '192.168.42.51' },
    { ...REFUSED, remoteAddress: '192.168.42.51', name: '46xxspecials.txt' },
    { ...REFUSED, remoteAddress: '192.168.42.51', name: '46xxspecials.txt', status: 403 },
    { ...REFUSED, remoteAddress: '192.168.42.51', name: '46xxspecials.txt', status: undefined },
  ]) {
    log.add(other);
  }
  t.equal(log.latest().length, 7);
  log.add({ ...REFUSED, remoteAddress: '192.168.42.51', name: '46xxspecials.txt', status: undefined });
  t.match(log.latest(1), [{ times: 2 }]);
});

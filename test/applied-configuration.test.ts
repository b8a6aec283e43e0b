import t, { type Test } from 'tap';
import { AppliedConfiguration } from '../firmware/applied-configuration.ts';
import { removeExtension } from '../firmware/config/extension-edits.ts';
import { withValue } from '../firmware/config/path.ts';
import { createLogger } from '../firmware/core/logger.ts';
import { AUTHOR, addUser, openStore, set } from './config/support/store.ts';
import { FakeClock } from './support/fake-clock.ts';

function setUp(t: Test, directory = t.testdir()) {
  const clock = new FakeClock();
  const store = openStore(t, { directory, clock });
  const log: unknown[] = [];
  const rechecked: number[] = [];
  const applied = new AppliedConfiguration({
    store,
    network: { apply: (lan, addresses) => log.push([lan, ...addresses]) },
    useMediaPorts: ({ low, high }) => log.push(['media', low, high]),
    useMediaThreads: (threads) => log.push(['threads', threads]),
    forgetDevices: (extension) => log.push(['forget', extension]),
    endSubscriptions: (extension) => log.push(['end subscriptions', extension]),
    recheckDevices: () => rechecked.push(store.revision),
    recheckLamps: () => log.push(['lamps']),
    recheckUsers: (gone) => gone.length > 0 && log.push(['gone', ...gone]),
    forgetMailboxes: (gone) => log.push(['forgotten', ...gone]),
    useSipPorts: () => log.push(['sip ports']),
    usePhonePorts: (isOn) => log.push(['phone ports', isOn]),
    useHostNames: () => log.push(['host names']),
    clock,
    logger: createLogger('silent'),
  });
  t.teardown(() => applied.close());
  /** What was done since the last call. */
  const done = () => log.splice(0);
  return { clock, store, applied, done, rechecked };
}

const move = (store: ReturnType<typeof openStore>, address: string) =>
  store.edit({
    author: AUTHOR,
    confirmWithinMs: 120_000,
    change: (configuration) => withValue(configuration, ['lan2', 'ipv4', 'address'], address),
  });

t.test('each edit is carried to the part that it is about, and to no other', async (t) => {
  const { store, applied, done, rechecked } = setUp(t);
  applied.start();
  t.strictSame(done(), [
    ['lan1', '192.168.42.1/24', 'ula'],
    ['lan2', '192.168.43.1/24', 'ula'],
    ['media', 46750, 50750],
  ]);
  set(store, ['system', 'media', 'portLow'], 47000);
  t.strictSame(done(), [['media', 47000, 50750]]);
  set(store, ['system', 'media', 'threads'], 3);
  t.strictSame(done(), [
    ['media', 47000, 50750],
    ['threads', 3],
  ]);
  set(store, ['lan2', 'ipv6'], { mode: 'static', addresses: ['fd00:9::1/64'] });
  t.strictSame(done(), [['lan2', '192.168.43.1/24', 'fd00:9::1/64']]);
  set(store, ['lan2', 'ipv6', 'mode'], 'disabled');
  t.strictSame(done(), [['lan2', '192.168.43.1/24']]);
  set(store, ['system', 'http', 'preferredPhonePorts'], true);
  t.strictSame(done(), [['phone ports', true]]);
  set(store, ['lan2', 'registrarFqdn'], 'sip.example.com');
  t.strictSame(done(), [['lan2', '192.168.43.1/24'], ['host names']]);
  addUser(store, '201', 'Reception');
  addUser(store, '202', 'Workshop');
  set(store, ['users', '201', 'fullName'], 'At the desk');
  t.strictSame(done(), []);
  set(store, ['extensions', '201', 'password'], `ha1$${'0'.repeat(32)}$${'0'.repeat(64)}`);
  t.strictSame(done(), [['forget', '201']], 'who has another password must log in again');
  store.edit({ author: AUTHOR, change: (configuration) => removeExtension(configuration, '202') });
  t.strictSame(done(), [
    ['end subscriptions', '202'],
    ['gone', '202'],
  ]);
  set(store, ['users', '201', 'enabled'], false);
  t.strictSame(done(), [['end subscriptions', '201']]);
  t.equal(rechecked.at(-1), store.revision, 'the devices of one that is gone are found when all are looked at');
  const count = rechecked.length;
  set(store, ['system', 'name'], 'Office');
  t.equal(rechecked.length, count, 'an edit that says nothing of devices');
});

t.test('new LAN addresses go back when nobody confirms them in time', async (t) => {
  const { clock, store, applied, done } = setUp(t);
  applied.start();
  done();
  move(store, '192.168.50.1');
  t.strictSame(done(), [['lan2', '192.168.50.1/24', 'ula']]);
  set(store, ['system', 'name'], 'Office');
  clock.advance(119_999);
  t.strictSame(done(), []);
  clock.advance(1);
  t.strictSame(done(), [['lan2', '192.168.43.1/24', 'ula']]);
  t.equal(store.current.system.name, 'Office');
  t.match(store.log.list(1), [
    { author: { who: 'ringdown', origin: 'system' }, comment: 'revision 2 was not confirmed' },
  ]);

  move(store, '192.168.50.1');
  store.confirm();
  done();
  clock.advance(500_000);
  t.strictSame(done(), []);
  t.equal(store.current.lan2.ipv4.address, '192.168.50.1');
});

t.test('neither another edit nor a clock that jumps moves the deadline', async (t) => {
  const { clock, store, applied, done } = setUp(t);
  applied.start();
  done();
  move(store, '192.168.50.1');
  clock.advance(60_000);
  clock.jump(10 * 365 * 86_400_000);
  set(store, ['system', 'name'], 'Office');
  clock.advance(59_999);
  t.strictSame(done(), [['lan2', '192.168.50.1/24', 'ula']]);
  clock.jump(-20 * 365 * 86_400_000);
  set(store, ['system', 'name'], 'Shop');
  t.strictSame(done(), []);
  clock.advance(1);
  t.strictSame(done(), [['lan2', '192.168.43.1/24', 'ula']]);
});

t.test('a restart before the confirmation undoes them too', async (t) => {
  const directory = t.testdir();
  const first = openStore(t, { directory });
  move(first, '192.168.50.1');
  const { store, applied, done } = setUp(t, directory);
  applied.start();
  t.strictSame(done(), [
    ['lan1', '192.168.42.1/24', 'ula'],
    ['lan2', '192.168.43.1/24', 'ula'],
    ['media', 46750, 50750],
  ]);
  t.equal(store.unconfirmed, undefined);
});

t.test('addresses that cannot be set do not end the box', async (t) => {
  const store = openStore(t);
  const lines: string[] = [];
  const applied = new AppliedConfiguration({
    store,
    network: {
      apply: () => {
        throw new Error('nobody reads the pipe');
      },
    },
    useMediaPorts: () => {},
    useMediaThreads: () => {},
    forgetDevices: () => {},
    endSubscriptions: () => {},
    recheckDevices: () => {},
    recheckLamps: () => {},
    recheckUsers: () => {},
    forgetMailboxes: () => {},
    useSipPorts: () => {},
    usePhonePorts: () => {},
    useHostNames: () => {},
    clock: new FakeClock(),
    logger: createLogger('error', { write: (line) => lines.push(line) }),
  });
  t.teardown(() => applied.close());
  applied.start();
  set(store, ['lan1', 'ipv4', 'address'], '192.168.50.1');
  t.equal(lines.length, 3);
  t.match(lines[2], /nobody reads the pipe.*192\.168\.50\.1/);
});

t.test('who may watch whom, and users and groups that are gone', async (t) => {
  const { store, applied, done } = setUp(t);
  applied.start();
  addUser(store, '201', 'Reception');
  done();
  set(store, ['system', 'lamps', 'watchers'], 'nobody');
  t.strictSame(done(), [['lamps']]);
  store.edit({ author: AUTHOR, change: (c) => ({ ...c, users: {}, extensions: {} }) });
  t.match(done(), [
    ['end subscriptions', '201'],
    ['gone', '201'],
  ]);
  set(store, ['huntGroups', '300'], { name: 'Sales', voicemail: true });
  t.strictSame(done(), []);
  store.edit({ author: AUTHOR, change: (c) => ({ ...c, huntGroups: {} }) });
  t.strictSame(done(), [['forgotten', '300']], 'whoever has the number next must not hear what was left for it');
});

import t, { type Test } from 'tap';
import { digestOf } from '../../firmware/config/extension.ts';
import { withValue } from '../../firmware/config/path.ts';
import { BoxKey } from '../../firmware/config/secrets/box-key.ts';
import { digestSecrets } from '../../firmware/config/secrets/sip-password.ts';
import { RingdownError } from '../../firmware/core/errors.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { AUTO_CREATION_MS, AutoCreation } from '../../firmware/registrar/auto-creation.ts';
import { AUTHOR, addUser, openStore, set } from '../config/support/store.ts';
import { FakeClock } from '../support/fake-clock.ts';

const PASSWORD = 'only for tests';
const LAN = '192.168.42.77';

function setUp(t: Test, { isOn = true, password = PASSWORD } = {}) {
  const directory = t.testdir();
  const clock = new FakeClock();
  const store = openStore(t, { directory, clock });
  const boxKey = BoxKey.open(directory);
  const sealed = boxKey.seal('system.sip.defaultExtensionPassword', password);
  set(store, ['system', 'sip', 'defaultExtensionPassword'], sealed);
  const start = () => {
    const creation = new AutoCreation({
      store,
      configuration: () => store.current,
      boxKey: () => boxKey,
      clock,
      logger: createLogger('silent'),
    });
    t.teardown(() => creation.close());
    return creation;
  };
  const creation = start();
  if (isOn) set(store, ['system', 'sip', 'autoCreateExtensions'], true);
  const flag = () => store.current.system.sip.autoCreateExtensions;
  return { clock, store, creation, start, flag };
}

t.test('a phone of a LAN that knows the default password gets an extension and a user', async (t) => {
  const { creation, store, clock } = setUp(t);
  t.strictSame(creation.digest('205', LAN), digestSecrets('205', store.realm, PASSWORD));
  t.strictSame(creation.create('205', LAN), { kind: 'created' });
  t.match(store.current.extensions['205'], { user: '205' });
  t.match(store.current.users['205'], { name: 'Extn205', profile: 'power' });
  t.strictSame(digestOf(store.current, '205'), digestSecrets('205', store.realm, PASSWORD));
  t.match(store.log.get(store.revision), {
    author: { who: 'ringdown', origin: 'system' },
    comment: `extension 205 auto-created for ${LAN}`,
  });
  t.equal(creation.digest('205', LAN), undefined, 'it is no newcomer any more');
  t.strictSame(creation.create('206', LAN), { kind: 'busy' });
  clock.advance(200);
  t.strictSame(creation.create('206', LAN), { kind: 'created' });
  t.match(store.notices.list(), [{ code: 'EXTENSION_AUTO_CREATED', message: /205 first/ }]);
  t.equal(store.notices.list().length, 1);
});

t.test('nobody else is a newcomer', async (t) => {
  const { creation } = setUp(t);
  for (const [number, address] of [
    ['205', '203.0.113.7'],
    ['205', '10.0.0.7'],
    ['205', '127.0.0.1'],
    ['205', 'fe80::1%eth0'],
    ['205', ''],
    ['20a', LAN],
    ['2', LAN],
    ['__proto__', LAN],
    ['1'.repeat(16), LAN],
    [`2${'0'.repeat(100_000)}`, LAN],
  ] as const) {
    t.equal(creation.digest(number, address), undefined, `${number.slice(0, 20)} ${address}`);
  }
  t.equal(setUp(t, { isOn: false }).creation.digest('205', LAN), undefined, 'while it is off');
});

t.test('numbers that are something else are refused with the reason', async (t) => {
  const { creation, store } = setUp(t);
  addUser(store, '201', 'Reception');
  set(store, ['users', '209'], { name: 'Nobody yet' });
  set(store, ['huntGroups', '300'], { name: 'Sales' });
  set(store, ['shortCodes', '80N'], { feature: 'dial', telephoneNumber: 'N', lineGroup: '0' });
  set(store, ['shortCodes', '77'], { feature: 'dial', telephoneNumber: '77', lineGroup: '0' });
  for (const [number, why] of [
    ['112', /emergency/],
    ['300', /hunt group/],
    ['209', /user 209/],
    ['8012', /short code 80N/],
    ['77', /short code 77/],
  ] as const) {
    t.match(creation.create(number, LAN), { kind: 'refused', why }, number);
  }
  const { revision } = store;
  t.match(creation.create('201', LAN), { kind: 'refused' });
  t.equal(store.revision, revision);
});

t.test('a password that is too weak for an extension makes none', async (t) => {
  for (const password of ['1234', '123456789', 'x205x205']) {
    t.match(setUp(t, { password }).creation.create('205', LAN), { kind: 'refused', why: /password/ }, password);
  }
});

t.test('licensing gives the profile that needs no licence, and refuses where there is none', async (t) => {
  const { creation, store } = setUp(t);
  set(store, ['system', 'licensing'], 'perpetual');
  t.strictSame(creation.create('205', LAN), { kind: 'created' });
  t.equal(store.current.users['205']?.profile, 'non-licensed');
  const other = setUp(t);
  set(other.store, ['system', 'licensing'], 'subscription');
  t.match(other.creation.create('205', LAN), { kind: 'refused', why: /users\.205\.profile/ });
});

t.test('it ends by itself after 24 hours, with an edit of its own', async (t) => {
  const { clock, store, flag, creation } = setUp(t);
  clock.advance(AUTO_CREATION_MS - 1);
  t.equal(flag(), true);
  clock.advance(1);
  t.equal(flag(), false);
  t.match(store.log.get(store.revision), { author: { origin: 'system' }, comment: /by itself/ });
  t.equal(creation.digest('205', LAN), undefined);
  set(store, ['system', 'sip', 'autoCreateExtensions'], true);
  clock.advance(1000);
  set(store, ['system', 'sip', 'autoCreateExtensions'], false);
  set(store, ['system', 'sip', 'autoCreateExtensions'], true);
  clock.advance(AUTO_CREATION_MS - 1);
  t.equal(flag(), true, 'the time counts from when it was switched on again');
  clock.advance(1);
  t.equal(flag(), false);
});

t.test('a restart does not make it longer', async (t) => {
  const { clock, flag, creation, start, store } = setUp(t);
  clock.advance(AUTO_CREATION_MS / 2);
  creation.close();
  set(store, ['system', 'name'], 'Office');
  const second = start();
  clock.advance(AUTO_CREATION_MS / 2 - 1);
  t.equal(flag(), true);
  clock.advance(1);
  t.equal(flag(), false);
  second.close();
  t.equal(clock.pending, 0);
});

t.test('a box that was off for longer ends it when it starts', async (t) => {
  const { clock, flag, creation, start } = setUp(t);
  creation.close();
  clock.advance(AUTO_CREATION_MS * 3);
  start();
  clock.advance(1);
  t.equal(flag(), false);
});

t.test('the time of day may jump while it runs; a start with an earlier one ends it', async (t) => {
  const { clock, flag, creation, start } = setUp(t);
  clock.jump(10 * 365 * AUTO_CREATION_MS);
  clock.advance(AUTO_CREATION_MS / 2);
  t.equal(flag(), true);
  clock.jump(-20 * 365 * AUTO_CREATION_MS);
  clock.advance(AUTO_CREATION_MS / 2 - 1);
  t.equal(flag(), true);
  creation.close();
  start();
  clock.advance(1);
  t.equal(flag(), false);
});

t.test('a default password that this box cannot read stops nothing else, and is told once', async (t) => {
  for (const other of ['of another box', 'unreadable']) {
    const { creation, store, clock } = setUp(t);
    const lines: { msg: string }[] = [];
    creation.close();
    const second = new AutoCreation({
      store,
      configuration: () => store.current,
      boxKey: () => {
        if (other === 'unreadable') throw new RingdownError('CONFIG_BOX_KEY_UNREADABLE', 'no', 'none');
        return BoxKey.open(t.testdir());
      },
      clock,
      logger: createLogger('info', { write: (line) => lines.push(JSON.parse(line)) }),
    });
    t.equal(second.digest('205', LAN), undefined, other);
    t.equal(second.digest('206', LAN), undefined);
    t.match(second.create('205', LAN), { kind: 'refused', why: /no default extension password/ });
    t.match(lines, [{ msg: /^the default extension password cannot be read/, cure: /^set system\.sip/ }]);
    second.close();
  }
});

t.test('without a default password it cannot be switched on', async (t) => {
  const store = openStore(t, { directory: t.testdir(), clock: new FakeClock() });
  t.throws(
    () =>
      store.edit({
        author: AUTHOR,
        change: (configuration) => withValue(configuration, ['system', 'sip', 'autoCreateExtensions'], true),
      }),
    { message: /needs a default extension password/ },
  );
});

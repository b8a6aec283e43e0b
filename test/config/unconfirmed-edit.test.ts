import t from 'tap';
import type { ConfigurationStore } from '../../firmware/config/configuration-store.ts';
import { withValue } from '../../firmware/config/path.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { AUTHOR, addUser, openStore, set } from './support/store.ts';

function code(expected: string) {
  return { code: expected, cure: /\w/ };
}

function moveLan1(store: ConfigurationStore, address: string) {
  return store.edit({
    author: AUTHOR,
    confirmWithinMs: 120_000,
    change: (configuration) => withValue(configuration, ['lan1', 'ipv4', 'address'], address),
  });
}

t.test('an edit of LAN addresses waits for its confirmation, and is undone alone', async (t) => {
  const clock = new FakeClock();
  const store = openStore(t, { clock });
  const deadlineMs = clock.now() + 120_000;
  t.match(moveLan1(store, '192.168.50.1').unconfirmed, { revision: 2, deadlineMs });
  t.strictSame(store.unconfirmed, { revision: 2, deadlineMs });
  set(store, ['system', 'name'], 'Office');
  t.throws(() => moveLan1(store, '192.168.51.1'), { ...code('CONFIG_UNCONFIRMED'), message: /revision 2/ });
  t.equal(store.undoUnconfirmed(AUTHOR)?.revision, 4);
  t.equal(store.current.lan1.ipv4.address, '192.168.42.1');
  t.equal(store.current.system.name, 'Office', 'what was edited meanwhile stays');
  t.equal(store.unconfirmed, undefined);
  t.equal(store.undoUnconfirmed(AUTHOR), undefined);

  moveLan1(store, '192.168.50.1');
  t.match(store.confirm(), { revision: 5 });
  t.throws(() => store.confirm(), code('CONFIG_NOTHING_TO_CONFIRM'));
  t.equal(store.undoUnconfirmed(AUTHOR), undefined);
  t.equal(store.current.lan1.ipv4.address, '192.168.50.1');
  t.equal(
    set(store, ['lan1', 'ipv4', 'address'], '192.168.52.1').unconfirmed,
    undefined,
    'an edit that asks for none has no deadline',
  );
});

t.test('a rollback to the confirmed addresses needs no confirmation, and nothing brings the others back', async (t) => {
  const store = openStore(t);
  moveLan1(store, '192.168.50.1');
  const result = store.rollback(1, { author: AUTHOR, confirmWithinMs: 120_000 });
  t.equal(result.unconfirmed, undefined);
  t.equal(store.unconfirmed, undefined);
  t.equal(store.undoUnconfirmed(AUTHOR), undefined);
  t.equal(store.current.lan1.ipv4.address, '192.168.42.1');
});

t.test('the undo takes the addresses back and nothing else, whatever was edited with or after them', async (t) => {
  const store = openStore(t);
  addUser(store, '201', 'Reception');
  store.edit({
    author: AUTHOR,
    confirmWithinMs: 120_000,
    change: (configuration) => ({
      ...withValue(configuration, ['lan1', 'ipv4', 'address'], '10.9.9.1'),
      system: { ...configuration.system, name: 'B' },
      huntGroups: { 300: { name: 'Sales' } },
    }),
  });
  set(store, ['system', 'name'], 'C');
  set(store, ['huntGroups', '300', 'members'], [{ user: '201' }]);
  // A pool that fits the new address alone.
  set(store, ['lan1', 'dhcp'], { mode: 'server', poolFirst: '10.9.9.50', poolSize: 20 });
  store.undoUnconfirmed(AUTHOR);
  t.match(store.current, {
    lan1: { ipv4: { address: '192.168.42.1' }, dhcp: { mode: 'disabled' } },
    system: { name: 'C' },
    huntGroups: { 300: { members: [{ user: '201' }] } },
  });
});

t.test('what another process confirmed in the last moment is not undone', async (t) => {
  const directory = t.testdir();
  const store = openStore(t, { directory });
  const other = openStore(t, { directory });
  moveLan1(store, '192.168.50.1');
  other.confirm();
  t.equal(store.undoUnconfirmed(AUTHOR), undefined);
  t.equal(store.current.lan1.ipv4.address, '192.168.50.1');
  t.equal(store.revision, 2);
});

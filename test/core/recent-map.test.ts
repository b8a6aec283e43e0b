import t from 'tap';
import { RecentMap } from '../../firmware/core/recent-map.ts';

t.test('it holds what came lately, and never more than it may', async (t) => {
  const map = new RecentMap<number, string>(100);
  let largest = 0;
  for (let key = 0; key < 100_000; key += 1) {
    map.set(key, String(key));
    if (key % 33 === 0) largest = Math.max(largest, map.size);
  }
  t.ok(largest <= 100, `${largest} entries`);
  t.equal(map.size, 100);
  for (let key = 99_950; key < 100_000; key += 1) t.equal(map.get(key), String(key));
  t.equal(map.get(99_000), undefined);
});

t.test('what is asked for stays', async (t) => {
  const map = new RecentMap<number, string>(100);
  map.set(-1, 'phone');
  for (let key = 0; key < 10_000; key += 1) {
    map.set(key, String(key));
    if (key % 20 === 0) t.equal(map.get(-1), 'phone');
  }
});

t.test('what is written again or deleted counts once', async (t) => {
  const map = new RecentMap<string, number>(4);
  map.set('a', 1);
  map.set('b', 1);
  map.set('c', 1);
  t.equal(map.get('a'), 1);
  t.equal(map.size, 3);
  map.set('a', 2);
  t.equal(map.get('a'), 2);
  map.delete('a');
  t.equal(map.get('a'), undefined);
  map.clear();
  t.equal(map.size, 0);
});

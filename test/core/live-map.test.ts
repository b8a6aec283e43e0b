import t from 'tap';
import { LiveMap } from '../../firmware/core/live-map.ts';

interface Call {
  readonly name: string;
}

const call = (name: string): Call => ({ name });

t.test('what was put there is there, in its order, until it is removed', async (t) => {
  const calls = new LiveMap<string, Call>();
  const [first, second, third] = [call('first'), call('second'), call('third')];
  calls.set('a', first);
  calls.set('b', second);
  calls.set('c', third);
  t.equal(calls.size, 3);
  t.equal(calls.get('b'), second);
  t.equal(calls.delete('b'), true);
  t.equal(calls.delete('b'), false, 'it is gone');
  t.equal(calls.get('b'), undefined);
  t.equal(calls.has('b'), false);
  t.same([...calls.values()], [first, third]);
  t.same([...calls.keys()], ['a', 'c']);
});

t.test('one that takes the place of another has its turn too', async (t) => {
  const calls = new LiveMap<string, Call>();
  calls.set('a', call('first'));
  calls.set('b', call('second'));
  calls.set('a', call('third'));
  t.equal(calls.size, 2);
  t.same(
    [...calls.values()].map(({ name }) => name),
    ['third', 'second'],
  );
});

t.test('those that are removed while they are gone through are left out', async (t) => {
  const calls = new LiveMap<number, Call>();
  for (let at = 0; at < 5; at += 1) calls.set(at, call(String(at)));
  const met: string[] = [];
  for (const { name } of calls.values()) {
    met.push(name);
    calls.delete(Number(name) + 1);
  }
  t.same(met, ['0', '2', '4']);
  calls.clear();
  t.equal(calls.size, 0);
  t.same([...calls.values()], []);
});

t.test(
  'as in a Map, those that come while it is gone through have their turn, and who comes again is the last',
  async (t) => {
    const calls = new LiveMap<string, Call>();
    for (const name of ['a', 'b', 'c']) calls.set(name, call(name));
    const met: string[] = [];
    for (const { name } of calls.values()) {
      met.push(name);
      if (name === 'a') {
        calls.delete('b');
        calls.set('b', call('b again'));
        calls.set('c', call('c anew'));
      }
      if (name === 'b again') calls.set('d', call('d'));
    }
    t.same(met, ['a', 'c anew', 'b again', 'd']);
    t.same([...calls.keys()], ['a', 'c', 'b', 'd']);
  },
);

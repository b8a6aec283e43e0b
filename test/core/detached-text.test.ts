import t from 'tap';
import { detachedText } from '../../firmware/core/detached-text.ts';

t.test('it is the beginning of the text', async (t) => {
  t.equal(detachedText('abcdef', 3), 'abc');
  t.equal(detachedText('ä€\u{1f600}', 64), 'ä€\u{1f600}');
  t.equal(detachedText('', 64), '');
});

t.test('it does not keep the text that it comes from', async (t) => {
  const kept: string[] = [];
  const before = process.memoryUsage().heapUsed;
  for (let at = 0; at < 2000; at += 1) {
    kept.push(detachedText(Buffer.alloc(65_000, String(at)).toString('latin1'), 64));
  }
  const grown = process.memoryUsage().heapUsed - before;
  t.ok(grown < 60_000_000, `${grown} bytes for ${kept.length} texts of 64 characters`);
});

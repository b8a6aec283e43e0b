import t from 'tap';
import { MessageBatch, textsOf } from '../../firmware/media/message-batch.ts';

t.test('what is said within a turn goes as one message, in its order', async (t) => {
  const sent: string[] = [];
  const batch = new MessageBatch((texts) => sent.push(texts));
  for (const text of ['{"id":1}', '{"id":2}', '{"id":3}']) batch.add(text);
  t.same(sent, [], 'not before the turn is over');
  await new Promise((resolve) => setImmediate(resolve));
  t.same(sent.map(textsOf), [['{"id":1}', '{"id":2}', '{"id":3}']]);
  batch.add('{"id":4}');
  batch.flush();
  batch.flush();
  t.same(sent.slice(1), ['{"id":4}'], 'at once where that is asked for, and not again');
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(sent.length, 2);
});

t.test('what is no text stands alone, for whoever checks it', async (t) => {
  for (const raw of [undefined, null, 7, { id: 1 }, ['a\nb']]) t.same(textsOf(raw), [raw]);
  t.same(textsOf(''), ['']);
});

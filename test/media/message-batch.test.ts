import t from 'tap';
import { MessageBatch } from '../../firmware/media/message-batch.ts';

t.test('what is said within a turn goes as one message, in its order', async (t) => {
  const sent: string[] = [];
  const batch = new MessageBatch((texts) => sent.push(texts));
  for (const text of ['{"id":1}', '{"id":2}', '{"id":3}']) batch.add(text);
  t.same(sent, [], 'not before the turn is over');
  await new Promise((resolve) => setImmediate(resolve));
  t.same(sent, ['{"id":1}\n{"id":2}\n{"id":3}']);
  batch.add('{"id":4}');
  batch.flush();
  batch.flush();
  t.same(sent.slice(1), ['{"id":4}'], 'at once where that is asked for, and not again');
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(sent.length, 2);
});

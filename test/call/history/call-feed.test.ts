import t from 'tap';
import type { CallEvent } from '../../../firmware/call/history/call-event.ts';
import { CallFeed } from '../../../firmware/call/history/call-feed.ts';
import { eventsOf } from './sample-calls.ts';

t.test('every listener hears everything in order, whatever the others do', async (t) => {
  const errors: unknown[] = [];
  const feed = new CallFeed((error) => errors.push(error));
  const heard: CallEvent[] = [];
  feed.subscribe(() => {
    throw new Error('broken');
  });
  const stop = feed.subscribe((event) => heard.push(event));
  const events = eventsOf({ steps: [{ service: 'mailbox' }, { end: 'normal' }] });
  for (const event of events) feed.emit(event);
  t.strictSame(heard, events);
  t.equal(errors.length, 3);
  stop();
  for (const event of events) feed.emit(event);
  t.equal(heard.length, 3);
});

/** What is told of calls afterwards. */
import { eventually } from '../media/conversation.ts';
import { runRingdown } from '../support/ringdown.ts';
import { conversation, officeTest, three } from './office.ts';

officeTest('what was called is in the user’s log and in the records that are exported as CSV', async (t, office) => {
  const [reception, workshop] = await three(office);
  await conversation(reception, workshop, '202');
  await Promise.all([reception.bye(), workshop.ended()]);
  await workshop.invite('201');
  await reception.incomingCall();
  await workshop.cancel();
  const data = ['--data', office.ringdown.dataDirectory];
  const log = async (user: string): Promise<string> =>
    (await runRingdown(['calls', 'list', '--user', user, ...data])).stdout;
  await eventually(async () => /missed .*202 Workshop/.test(await log('201')) || undefined, 'the missed call');
  t.match(await log('201'), /placed .*202/);
  t.match(await log('202'), /received .*201 Reception/);
  const { stdout } = await runRingdown(['calls', 'export', ...data]);
  const [header = '', ...rows] = stdout.trimEnd().split(/\r?\n/);
  t.match(header, /^[a-z_]+(?:,[a-z_]+)+$/i);
  t.equal(rows.length, 2);
  const columns = header.split(',').length;
  t.ok(rows.every((row) => row.split(',').length >= columns));
});

/** What is told of calls afterwards. */
import { setTimeout } from 'node:timers/promises';
import type { Test } from 'tap';
import { eventually } from '../media/conversation.ts';
import { runRingdown } from '../support/ringdown.ts';
import { carriers, everyLine, isFree } from './carriers.ts';
import { conversation, hearEachOther, type Office, officeTest, three } from './office.ts';
import { configure } from './sipp-bench.ts';

type Row = Readonly<Record<string, string>>;

/** The records that are exported, the oldest first, once there are so many that have ended. */
async function records({ ringdown }: Office, count: number): Promise<readonly Row[]> {
  const exported = async (): Promise<readonly Row[]> => {
    const { stdout } = await runRingdown(['calls', 'export', '--data', ringdown.dataDirectory]);
    const [header = '', ...lines] = stdout.trimEnd().split('\r\n');
    const names = header.split(',');
    const rows = lines.map((line) => {
      const values = line.split(',');
      return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
    });
    return rows.toSorted((a, b) => ((a['started'] ?? '') < (b['started'] ?? '') ? -1 : 1));
  };
  return eventually(async () => {
    const rows = await exported();
    return rows.length >= count && rows.every((row) => row['ended'] !== '') ? rows : undefined;
  }, `${count} records`);
}

/** Of these columns, each value and no other. */
function isRow(t: Test, row: Row | undefined, expected: Row): void {
  t.same(Object.fromEntries(Object.keys(expected).map((name) => [name, row?.[name]])), expected);
}

const timeOf = (row: Row | undefined, name: string): number => Date.parse(row?.[name] ?? '');

officeTest('what was called is in the user’s log and in the records that are exported as CSV', async (t, office) => {
  const [reception, workshop, warehouse] = await three(office);
  const beganAtMs = Date.now();
  await reception.invite('202');
  await workshop.incomingCall();
  await reception.ringing();
  await setTimeout(1000);
  await Promise.all([workshop.answer(), reception.answered()]);
  await hearEachOther(reception, workshop);
  await Promise.all([workshop.bye(), reception.ended()]);
  await workshop.invite('201');
  await reception.incomingCall();
  await workshop.cancel();
  await warehouse.invite('202');
  await workshop.incomingCall();
  await workshop.reject(486);
  t.equal((await warehouse.answered()).status, 486);
  t.equal((await warehouse.call('299')).status, 404);
  const overAtMs = Date.now();
  const data = ['--data', office.ringdown.dataDirectory];
  const log = async (user: string): Promise<string> =>
    (await runRingdown(['calls', 'list', '--user', user, ...data])).stdout;
  await eventually(async () => /missed .*202 Workshop/.test(await log('201')) || undefined, 'the missed call');
  t.match(await log('201'), /placed .*202/);
  t.match(await log('202'), /received .*201 Reception/);

  const rows = await records(office, 3);
  const common = { direction: 'internal', hunt_group: '', line: '', service: '', emergency: '', caller_private: '' };
  const anna = { caller_number: '201', caller_name: 'Reception', caller_user: '201' };
  const ben = { caller_number: '202', caller_name: 'Workshop', caller_user: '202' };
  const codecs = { caller_codec: 'PCMA', connected_codec: 'PCMA' };
  isRow(t, rows[0], {
    ...{ ...common, ...anna, ...codecs, dialled: '202' },
    ...{ connected_number: '202', connected_name: 'Workshop', connected_user: '202' },
    ...{ cause: 'normal', ended_by: 'connected', status: '' },
  });
  for (const who of ['caller', 'connected']) {
    const [loss, score] = [rows[0]?.[`${who}_loss_percent`], rows[0]?.[`${who}_mos`]];
    t.ok(loss !== '' && Number(loss) <= 5, `${who}: ${loss} % lost`);
    t.ok(Number(score) >= 3.5 && Number(score) <= 4.5, `${who}: a score of ${score}`);
  }
  const unheard = { caller_loss_percent: '', caller_mos: '', connected_loss_percent: '', connected_mos: '' };
  isRow(t, rows[1], unheard);
  const times = ['started', 'ringing', 'answered', 'ended'].map((name) => timeOf(rows[0], name));
  t.same(times, times.toSorted(), 'one after the other');
  t.ok(Math.min(...times) >= beganAtMs - 1000 && Math.max(...times) <= overAtMs + 1000, 'by the clock of today');
  const [, ringing = 0, answered = 0, ended = 0] = times;
  t.ok(answered - ringing >= 900 && answered - ringing < 6000, `it rang ${answered - ringing} ms`);
  t.ok(ended - answered >= 900 && ended - answered < 30_000, `they talked ${ended - answered} ms`);
  t.equal(Number(rows[0]?.['seconds']), Math.round((ended - answered) / 1000));
  const nobody = { connected_number: '', connected_user: '', answered: '', seconds: '0' };
  isRow(t, rows[1], { ...common, ...ben, ...nobody, dialled: '201', cause: 'cancelled', ended_by: 'caller' });
  isRow(t, rows[2], {
    ...common,
    ...nobody,
    caller_user: '203',
    dialled: '202',
    cause: 'busy',
    ended_by: 'box',
    status: '486',
  });
});

officeTest('records say over which line it went, and who came in the place of whom', async (t, office) => {
  const [carrier] = await carriers(office, {});
  const [reception, workshop, warehouse] = await three(office);
  const route = { lineGroup: 7, incomingNumber: '', destination: '201' };
  await configure(office.ringdown, ['incomingRoutes.All', JSON.stringify(route)]);
  await carrier.invite('4930555201');
  await reception.incomingCall();
  await Promise.all([carrier.answered(), reception.answer()]);
  t.equal(await reception.refer('<sip:203@box>'), 202);
  await warehouse.incomingCall();
  await warehouse.answer();
  await Promise.all([reception.notified(200), reception.ended()]);
  await Promise.all([carrier.bye(), warehouse.ended()]);
  await conversation(workshop, carrier, '01632960123');
  await Promise.all([workshop.bye(), carrier.ended()]);
  await everyLine(office, isFree);
  const rows = await records(office, 3);
  const outside = { direction: 'incoming', line: '1', caller_number: '442071234567', caller_user: '' };
  isRow(t, rows[0], { ...outside, connected_user: '201', cause: 'transferred' });
  isRow(t, rows[1], {
    ...{ ...outside, direction: 'internal' },
    connected_user: '203',
    cause: 'normal',
    ended_by: 'caller',
    follows: rows[0]?.['id'] ?? '',
  });
  isRow(t, rows[2], {
    ...{
      direction: 'outgoing',
      line: '1',
      caller_user: '202',
      dialled: '01632960123',
      connected_number: '01632960123',
    },
    ...{ cause: 'normal', ended_by: 'caller' },
  });
});

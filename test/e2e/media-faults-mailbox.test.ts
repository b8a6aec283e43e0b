/** The media worker dies in a mailbox, and while a call is recorded: what is said goes on, and so does what is kept of it. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../media/conversation.ts';
import { runRingdown } from '../support/ringdown.ts';
import { loseWorker, nothingLeft } from './lost-worker.ts';
import { conversation, type Office, officeTest, press, three } from './office.ts';
import { configure } from './sipp-bench.ts';

const MAILBOX = ['users.202.voicemail.enabled', 'true'] as const;
/** What a worker that is killed takes with it of a recording (firmware/media/README.md). */
const LAST_SECOND = 'bdbdb';
const DESKTOP = { userAgent: 'Avaya Communicator/3.0 (3.30.0.1; Avaya CSDK; Microsoft Windows NT 10.0)' };

const mailboxOf = ({ ringdown }: Office): string => `sip:VM.202@127.0.0.1:${ringdown.sipPort}`;

async function recordingBegins({ ringdown }: Office): Promise<void> {
  const folder = join(ringdown.dataDirectory, 'sounds/mailbox/202');
  await eventually(() => (existsSync(folder) && readdirSync(folder).length > 0) || undefined, 'the recording');
}

/** Waits until so many messages are in the mailbox of 202. */
async function messages({ ringdown }: Office, count: number): Promise<void> {
  await eventually(async () => {
    const { stdout } = await runRingdown(['mailbox', 'list', '--data', ringdown.dataDirectory]);
    return (stdout.match(/201 Reception/g) ?? []).length === count || undefined;
  }, `${count} messages`);
}

officeTest(
  'the media worker dies in the greeting of a mailbox: it is heard on, and the caller is asked what to do',
  async (t, office) => {
    await configure(office.ringdown, MAILBOX);
    const reception = await office.registered('201');
    t.match(await reception.call(mailboxOf(office)), { status: 200 });
    await reception.hearsSound();
    await loseWorker(t, office);
    await reception.hearsSound();
    await reception.pressKey('5');
    await recordingBegins(office);
    await reception.play('adbec');
    await reception.pressKey('#');
    await reception.hearsSound();
    await reception.pressKey('1');
    await reception.ended();
    await messages(office, 1);
    await nothingLeft(t, office);
  },
);

officeTest(
  'the media worker dies while a message is being left: what was said before and after is in it',
  async (t, office) => {
    await configure(office.ringdown, MAILBOX);
    const [reception, workshop] = await three(office);
    t.match(await reception.call(mailboxOf(office)), { status: 200 });
    await reception.pressKey('5');
    await recordingBegins(office);
    await reception.play('adbec');
    await reception.play(LAST_SECOND);
    await loseWorker(t, office);
    await reception.play('fcebd');
    await reception.bye();
    await messages(office, 1);
    t.match(await workshop.call('*17'), { status: 200 });
    await workshop.pressKey('1');
    await workshop.hears('adbec', 40_000);
    await workshop.hears('fcebd');
    await workshop.bye();
    await nothingLeft(t, office);
  },
);

officeTest('the media worker dies while nobody says anything to a mailbox: it hangs up', async (t, office) => {
  await configure(office.ringdown, MAILBOX);
  const reception = await office.registered('201');
  t.match(await reception.call(mailboxOf(office)), { status: 200 });
  await reception.pressKey('5');
  await recordingBegins(office);
  await loseWorker(t, office);
  await reception.ended(30_000);
  await nothingLeft(t, office);
});

officeTest(
  'the media worker dies in the menu of a mailbox: the menu is heard on, and obeys keys',
  async (t, office) => {
    await configure(office.ringdown, MAILBOX);
    const workshop = await office.registered('202');
    t.match(await workshop.call('*17'), { status: 200 });
    await workshop.hearsSound();
    await loseWorker(t, office);
    await workshop.hearsSound();
    await press(workshop, '37391#7391#');
    await office.ringdown.logs(/the configuration was edited[\s\S]*the configuration was edited/, 10_000);
    await workshop.hearsSound();
    await workshop.pressKey('#');
    await workshop.ended();
    await nothingLeft(t, office);
  },
);

officeTest('the media worker dies while a message is heard: it is heard to its end', async (t, office) => {
  await configure(office.ringdown, MAILBOX);
  const [reception, workshop] = await three(office);
  t.match(await reception.call(mailboxOf(office)), { status: 200 });
  await reception.pressKey('5');
  await recordingBegins(office);
  await reception.play('adbec');
  await reception.play('bdace');
  await reception.play('fcebd');
  await reception.bye();
  await messages(office, 1);
  t.match(await workshop.call('*17'), { status: 200 });
  await workshop.pressKey('1');
  await workshop.hears('adbec', 40_000);
  await loseWorker(t, office);
  await workshop.hears('fcebd');
  await press(workshop, '3');
  await messages(office, 0);
  await workshop.bye();
  await nothingLeft(t, office);
});

officeTest(
  'the media worker dies while a call is recorded: both hear each other again, and are recorded on',
  async (t, office) => {
    await configure(office.ringdown, [
      ...[...MAILBOX, 'users.202.clients.desktop', 'true'],
      ...['shortCodes."*99"', JSON.stringify({ feature: 'call-record' }), 'system.recording.warning', 'none'],
    ]);
    const [reception, workshop] = await three(office);
    const other = await office.registered('202', { ...DESKTOP, incoming: 486 });
    await conversation(reception, workshop, '202');
    t.match(await other.call('*99'), { status: 200 });
    await other.ended();
    await recordingBegins(office);
    await reception.play('adbec');
    await reception.play(LAST_SECOND);
    await loseWorker(t, office);
    await workshop.play('fcebd');
    await reception.hears('fcebd');
    await Promise.all([reception.bye(), workshop.ended()]);
    await messages(office, 1);
    t.match(await workshop.call('*17'), { status: 200 });
    await workshop.pressKey('1');
    await workshop.hears('adbec', 40_000);
    await workshop.hears('fcebd');
    await workshop.bye();
    await nothingLeft(t, office);
  },
);

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../media/conversation.ts';
import { runRingdown } from '../support/ringdown.ts';
import { type Office, officeTest } from './office.ts';
import { RegisteringPeer } from './registering-peer.ts';
import { configure } from './sipp-bench.ts';

/** A device of an extension that follows something. */
async function follow(office: Office, who: '202' | '203', event: string, whom: string): Promise<RegisteringPeer> {
  const peer = await RegisteringPeer.open(office.ringdown, who);
  const uri = `sip:${whom}@127.0.0.1:${office.ringdown.sipPort}`;
  const { status, text } = await peer.ask('SUBSCRIBE', {
    uri,
    to: whom,
    headers: [`Event: ${event}`, 'Expires: 3600'],
  });
  if (status !== 200) throw new Error(`SUBSCRIBE: ${text}`);
  return peer;
}

/** The next NOTIFY whose body is like this. */
async function toldOf(peer: RegisteringPeer, pattern: RegExp): Promise<string> {
  for (;;) {
    const request = await peer.told('NOTIFY');
    if (pattern.test(request)) return request;
  }
}

function isRecording({ ringdown }: Office, user: string): boolean {
  const folder = join(ringdown.dataDirectory, 'sounds/mailbox', user);
  return existsSync(folder) && readdirSync(folder).length > 0;
}

officeTest(
  'nobody answers: a message is left, the lamp lights, it is heard, deleted, and the lamp is off',
  async (t, office) => {
    await configure(office.ringdown, ['users.202.voicemail.enabled', 'true']);
    await configure(office.ringdown, ['users.202.noAnswerSeconds', '6']);
    const caller = await office.registered('201');
    const called = await office.registered('202');
    const mailboxLamp = await follow(office, '202', 'message-summary', '202');
    t.match(await mailboxLamp.told('NOTIFY'), /Messages-Waiting: no\r\n[\s\S]*Voice-Message: 0\/0/);
    const callLamp = await follow(office, '203', 'dialog', '202');
    t.match(
      await callLamp.told('NOTIFY'),
      /<dialog-info [^>]*version="0" state="full" entity="sip:202@[^>]*>\r\n<\/dialog-info>/,
    );

    await caller.invite('202');
    await called.incomingCall();
    const ringing = await toldOf(callLamp, / local-tag=[\s\S]*<state>early<\/state>/);
    t.match(
      ringing,
      / call-id="[^"]+" local-tag="[^"]+" remote-tag="[^"]+" direction="recipient"/,
      'it can be picked up',
    );
    t.notMatch(ringing, 'Reception', 'with whom is nobody’s business');
    t.match(await caller.answered(30_000), { status: 200 });
    await called.ended();
    await toldOf(callLamp, /terminated<\/state>/);
    await caller.pressKey('5');
    await eventually(() => isRecording(office, '202') || undefined, 'the recording');
    await caller.play('adbec');
    await caller.bye();
    await toldOf(mailboxLamp, /Messages-Waiting: yes\r\n[\s\S]*Voice-Message: 1\/0/);

    t.match(await called.call('*17'), { status: 200 });
    await called.pressKey('1');
    await called.hears('adbec', 40_000);
    await toldOf(mailboxLamp, /Messages-Waiting: no\r\n[\s\S]*Voice-Message: 0\/1/);
    await called.pressKey('3');
    await toldOf(mailboxLamp, /Voice-Message: 0\/0/);
    await called.bye();
    // Records are written some at a time, a little later.
    const list = ['calls', 'list', '--user', '202', '--data', office.ringdown.dataDirectory];
    await eventually(async () => {
      const { stdout } = await runRingdown(list);
      return /placed .*\*17\n[\s\S]* missed .*201 Reception\n/.test(stdout) || undefined;
    }, 'both calls in the log');
    for (const peer of [mailboxLamp, callLamp]) peer.close();
  },
);

officeTest(
  'VM.user@domain asks for the PIN that its user has set by the menu; VM.202 leaves 202 a message',
  async (t, office) => {
    await configure(office.ringdown, ['users.202.voicemail.enabled', 'true']);
    const [caller, called] = [await office.registered('201'), await office.registered('202')];
    const lamp = await follow(office, '202', 'message-summary', '202');
    const domain = `127.0.0.1:${office.ringdown.sipPort}`;
    const press = async (phone: typeof called, keys: string): Promise<void> => {
      for (const key of keys) await phone.pressKey(key);
    };
    t.match(await called.call('*17'), { status: 200 }, 'without a PIN one’s own phone is let in');
    await press(called, '37391#7391#');
    const edits = () => office.ringdown.report.match(/the configuration was edited/g)?.length ?? 0;
    await eventually(() => edits() === 2 || undefined, 'the PIN to be kept');
    await called.bye();

    t.match(await caller.call(`sip:VM.202@${domain}`), { status: 200 }, 'his phone does not ring');
    await caller.pressKey('5');
    await eventually(() => isRecording(office, '202') || undefined, 'the recording');
    await caller.play('adbec');
    await caller.bye();
    await toldOf(lamp, /Voice-Message: 1\/0/);

    t.match(await called.call(`sip:VM.user@${domain}`), { status: 200 });
    await press(called, '0000#');
    await eventually(
      () => office.ringdown.report.includes('wrong PIN of a mailbox') || undefined,
      'the PIN to be wrong',
    );
    await press(called, '7391#1');
    await called.hears('adbec', 40_000);
    t.match(await caller.call('sip:VM.203@127.0.0.1'), { status: 404 }, 'who has no voicemail');
    await called.bye();
    lamp.close();
  },
);

officeTest(
  'record on demand: what both say is in the mailbox of who dialled the code at another telephone of his',
  async (t, office) => {
    await configure(office.ringdown, [
      ...['users.202.voicemail.enabled', 'true', 'users.202.clients.desktop', 'true'],
      ...['shortCodes."*99"', JSON.stringify({ feature: 'call-record' }), 'system.recording.warning', 'none'],
    ]);
    const [caller, called] = [await office.registered('201'), await office.registered('202')];
    const other = await office.registered('202', {
      userAgent: 'Avaya Communicator/3.0 (1.1.0.35; Avaya CSDK; Microsoft Windows NT 6.2.9200.0)',
    });
    const lamp = await follow(office, '202', 'message-summary', '202');
    await caller.invite('202');
    await called.incomingCall();
    await Promise.all([called.answer(), caller.answered()]);
    t.match(await other.call('*99'), { status: 200 });
    await eventually(() => isRecording(office, '202') || undefined, 'the recording');
    await caller.play('adbec');
    await called.play('fcebd');
    await caller.bye();
    await toldOf(lamp, /Messages-Waiting: yes\r\n[\s\S]*Voice-Message: 1\/0/);
    await called.ended();
    t.match(await called.call('*17'), { status: 200 });
    await called.pressKey('1');
    await called.hears('adbec', 40_000);
    await called.hears('fcebd');
    await called.bye();
    const { stdout } = await runRingdown(['mailbox', 'list', '--data', office.ringdown.dataDirectory]);
    t.match(stdout, /201 Reception/);
    lamp.close();
  },
);

officeTest('*48: the phone rings for a new message, and who answers hears it', async (t, office) => {
  await configure(office.ringdown, ['users.202.voicemail.enabled', 'true']);
  const [caller, called] = [await office.registered('201'), await office.registered('202')];
  t.match(await called.call('*48'), { status: 200 });
  await called.ended();
  t.match(await caller.call(`sip:VM.202@127.0.0.1:${office.ringdown.sipPort}`), { status: 200 });
  await caller.pressKey('5');
  await eventually(() => isRecording(office, '202') || undefined, 'the recording');
  await caller.play('adbec');
  await caller.bye();
  t.match(await called.incomingCall(20_000), { fromName: 'Voicemail' });
  await called.answer();
  await called.pressKey('1');
  await called.hears('adbec', 40_000);
  await called.bye();
});

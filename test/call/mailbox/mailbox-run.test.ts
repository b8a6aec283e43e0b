/** A mailbox through the real media worker: what is left by RTP is heard back by RTP. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { MailboxRun, type MailboxRunOptions } from '../../../firmware/call/mailbox/mailbox-run.ts';
import type { MailboxLimits } from '../../../firmware/call/mailbox/message.ts';
import { MessageStore } from '../../../firmware/call/mailbox/message-store.ts';
import { systemClock } from '../../../firmware/core/clock.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import { MediaClient } from '../../../firmware/media/client.ts';
import { buildAddon, eventually, PCMA, towards } from '../../media/conversation.ts';
import { Party } from '../../media/party.ts';
import { decodePayloads } from '../../support/decode.ts';
import { encodePayloads } from '../../support/encode.ts';
import { freePorts } from '../../support/free-ports.ts';
import { outputOf } from '../../support/process-output.ts';
import { repositoryPath } from '../../support/repository.ts';
import { makeTones, soundsLike } from '../../support/tones.ts';
import { sessionVoice } from './session-voice.ts';

const EVENTS = 101;
const LOW = [697, 770, 852, 941];
const HIGH = [1209, 1336, 1477];
const KEYS = '123456789*0#';

t.before(() => outputOf(`${repositoryPath}/scripts/make-sounds`, [], undefined, 600_000));

/** A party whose packets come without a gap in their numbers, silence where it says nothing. */
class Speaker {
  readonly party: Party;
  readonly #port: number;
  readonly #timer: NodeJS.Timeout;
  readonly #queue: Buffer[] = [];
  readonly #began = performance.now();
  #sent = 0;
  #idle: (() => void)[] = [];

  constructor(party: Party, port: number) {
    this.party = party;
    this.#port = port;
    this.#timer = setInterval(() => this.#send(), 20);
  }

  /** Resolves when the last packet is sent. */
  async say(samples: Int16Array): Promise<void> {
    this.#queue.push(...(await encodePayloads(samples, 'PCMA')));
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** By an event of 100 ms (RFC 4733). */
  async press(key: string): Promise<void> {
    const event = '0123456789*#'.indexOf(key);
    const timestamp = this.#sent * 160;
    for (const [index, isEnd] of [false, true, true, true].entries()) {
      const payload = Buffer.from([event, isEnd ? 0x8a : 0x0a, 0x03, 0x20]);
      this.#sent += 1;
      const sequenceNumber = this.#sent;
      await this.party.send(this.#port, {
        ...{ marker: index === 0, payloadType: EVENTS, sequenceNumber, timestamp, ssrc: 1, payload },
      });
    }
  }

  /** By both its tones, 120 ms of them. */
  pressInBand(key: string): Promise<void> {
    const place = KEYS.indexOf(key);
    const [low = 0, high = 0] = [LOW[Math.floor(place / 3)], HIGH[place % 3]];
    const samples = Int16Array.from({ length: 2400 }, (_, index) => {
      const angle = (2 * Math.PI * index) / 8000;
      return index < 960 ? 6000 * Math.sin(low * angle) + 6000 * Math.sin(high * angle) : 0;
    });
    return this.say(samples);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #send(): void {
    while (this.#began + 20 * this.#sent <= performance.now()) {
      const payload = this.#queue.shift() ?? Buffer.alloc(160, 0xd5);
      this.#sent += 1;
      const packet = {
        ...{ marker: this.#sent === 1, payloadType: 8, sequenceNumber: this.#sent },
        ...{ timestamp: this.#sent * 160, ssrc: 1, payload },
      };
      void this.party.send(this.#port, packet);
      if (this.#queue.length > 0) continue;
      for (const resolve of this.#idle.splice(0)) resolve();
    }
  }
}

async function office(t: Test, more: Partial<MailboxLimits> = {}) {
  await buildAddon();
  const directory = t.testdir();
  const files = join(directory, 'sounds/mailbox');
  const logger = createLogger('silent');
  const limits = { totalMinutes: 900, userMinutes: 30, messageSeconds: 60, messageDays: 0, keepFreeMegabytes: 10 };
  const store = MessageStore.open({
    ...{ directory, files, clock: systemClock, logger },
    limits: () => ({ ...limits, ...more }),
  });
  const low = await freePorts(['127.0.0.1'], 16);
  const client = await MediaClient.start({
    ...{ ports: { low, high: low + 15 }, logger, clock: systemClock, sounds: join(directory, 'sounds') },
  });
  const alive = setInterval(() => undefined, 60_000);
  t.teardown(async () => {
    clearInterval(alive);
    await client.close();
    store.close();
  });
  /** A call to the mailbox of 201. */
  const call = async (purpose: 'leave' | 'collect', options: Partial<MailboxRunOptions> = {}) => {
    const party = await Party.open('127.0.0.1');
    const session = await client.openSession(['127.0.0.1']);
    const speaker = new Speaker(party, session.ports[0]);
    t.teardown(async () => {
      speaker.close();
      await session.close();
      party.close();
    });
    await session.configure(0, towards(party, { ...PCMA, telephoneEventPayloadType: EVENTS, detectDigits: true }));
    const over: (string | undefined)[] = [];
    const pressed: string[] = [];
    const run: MailboxRun = new MailboxRun({
      ...{ purpose, user: '201', caller: { number: '202', name: 'Workshop' }, needsPin: false, isOwnPhone: false },
      ...{ locale: 'en-GB', timeZone: 'UTC', store, clock: systemClock, logger },
      media: sessionVoice(session, (digit, how) => {
        pressed.push(`${digit} ${how}`);
        run.pressed(digit);
      }),
      pins: { verify: async (_user, pin) => (pin === '4711' ? 'right' : 'wrong'), change: async () => true },
      onOver: (callBack) => over.push(callBack),
      ...options,
    });
    run.start();
    return { run, speaker, session, party, over, pressed };
  };
  const recording = () =>
    eventually(() => {
      const known = new Set(store.list().map(({ id }) => `${id}.wav`));
      const all = readdirSync(files).includes('201') ? readdirSync(join(files, '201')) : [];
      return all.find((name) => !known.has(name) && readFileSync(join(files, '201', name)).length > 44);
    }, 'the recording');
  const hears = async (party: Party, notes: string) => {
    await eventually(async () => {
      const payloads = party.heard.filter(({ payloadType }) => payloadType === 8).map(({ payload }) => payload);
      return soundsLike(await decodePayloads(payloads, 'PCMA'), notes) ? true : undefined;
    }, `${notes} is heard`);
  };
  return { store, files, call, recording, hears };
}

t.test('a message that was left is heard as it was said, then deleted', async (t) => {
  const { store, files, call, recording, hears } = await office(t);
  const left = await call('leave');
  await left.speaker.press('5');
  await recording();
  await left.speaker.say(makeTones('adbec'));
  await left.speaker.press('#');
  await left.speaker.press('1');
  const message = await eventually(() => store.list('201')[0], 'the message');
  t.match(message, { callerNumber: '202', callerName: 'Workshop', isOld: false });
  t.ok(message.durationMs > 1500 && message.durationMs < 6000, `${message.durationMs} ms`);
  await eventually(() => (left.over.length > 0 ? true : undefined), 'the box hangs up');
  t.strictSame(left.over, [undefined]);
  t.strictSame(left.pressed, ['5 event', '# event', '1 event']);
  left.run.hungUp();
  const path = join(files, '201', `${message.id}.wav`);
  const bytes = await outputOf('ffmpeg', ['-v', 'error', '-i', path, '-ar', '8000', '-f', 's16le', 'pipe:1']);
  const pcm = new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~1)));
  t.ok(soundsLike(pcm, 'adbec'), 'ffmpeg hears it in the file');

  const collected = await call('collect', { needsPin: true });
  for (const key of '4711#1') await collected.speaker.press(key);
  await hears(collected.party, 'adbec');
  await eventually(() => store.list('201')[0]?.isOld || undefined, 'the message is old once it was heard');
  t.strictSame(store.counts('201'), { newMessages: 0, oldMessages: 1 });
  await collected.speaker.press('3');
  await eventually(() => (store.list('201').length === 0 ? true : undefined), 'it is deleted');
  await eventually(() => (readdirSync(join(files, '201')).length === 0 ? true : undefined), 'and its file');
  await collected.speaker.press('#');
  await eventually(() => (collected.over.length > 0 ? true : undefined), 'the box hangs up');
});

t.test('keys in the audio do what keys by event do; who hangs up has left what was said', async (t) => {
  const { store, call, recording, hears } = await office(t);
  const first = await call('leave');
  await first.speaker.pressInBand('5');
  await recording();
  await first.speaker.say(makeTones('fce'));
  await first.speaker.pressInBand('#');
  await first.speaker.pressInBand('1');
  await eventually(() => store.list('201')[0], 'the message');
  t.strictSame(first.pressed, ['5 audio', '# audio', '1 audio']);

  const second = await call('leave');
  await second.speaker.press('5');
  await recording();
  await second.speaker.say(makeTones('bda'));
  await second.session.close();
  second.run.hungUp();
  await eventually(() => store.list('201')[1], 'the second message');
  t.strictSame(second.over, [], 'nobody is there to be told');

  const collected = await call('collect');
  await collected.speaker.press('1');
  await hears(collected.party, 'fce');
  await collected.speaker.press('2');
  await hears(collected.party, 'bda');
  await collected.speaker.press('5');
  await eventually(() => (collected.over.length > 0 ? true : undefined), 'the call back');
  t.strictSame(collected.over, ['202']);
});

t.test('a greeting of one’s own is heard by callers; who says nothing is not waited for', async (t) => {
  const { store, call, recording, hears } = await office(t);
  const own = await call('collect');
  await own.speaker.press('2');
  await recording();
  await own.speaker.say(makeTones('cafe'));
  await own.speaker.press('#');
  await own.speaker.press('1');
  await eventually(() => store.greetingOf('201'), 'the greeting');
  own.run.hungUp();

  const silent = await call('leave');
  await hears(silent.party, 'cafe');
  // Eight seconds of silence end the recording, and it is kept without a question.
  await eventually(() => store.list('201')[0], 'what was recorded of the silence');
  await eventually(() => (silent.over.length > 0 ? true : undefined), 'the box hangs up');
});

t.test('a mailbox that has all that its user may have: the caller hears it, and it is told', async (t) => {
  const { store, files, call } = await office(t, { userMinutes: 1, messageSeconds: 60 });
  const draft = store.begin('201');
  if (draft === undefined) throw new Error('no room');
  mkdirSync(join(files, '201'), { recursive: true });
  writeFileSync(join(draft.folder, draft.name), '');
  let told = 0;
  await store.keep(draft, { number: '202', name: 'Workshop', durationMs: 56_000, sizeBytes: 1 });
  t.same(store.counts('201'), { newMessages: 1, oldMessages: 0 });
  const refused = await call('leave', { onFull: () => (told += 1) });
  await eventually(() => (refused.over.length > 0 ? true : undefined), 'the box hangs up');
  t.ok(refused.party.heard.length > 50, 'in words');
  t.equal(told, 1);
  t.same(store.counts('201'), { newMessages: 1, oldMessages: 0 }, 'what there is stays, and the lamp with it');
  const other = await call('leave', { user: '202', onFull: () => (told += 1) });
  await other.speaker.press('5');
  other.run.hungUp();
  t.equal(told, 1, 'another mailbox has room');
});

t.test('a full disk, and the longest message', async (t) => {
  const full = await office(t, { keepFreeMegabytes: 1e9 });
  const refused = await full.call('leave');
  await eventually(() => (refused.over.length > 0 ? true : undefined), 'the caller has heard that it is full');
  t.ok(refused.party.heard.length > 50, 'in words');
  t.strictSame(full.store.list(), []);
});

t.test('a message ends when it is as long as it may be', async (t) => {
  const { store, call, recording } = await office(t, { messageSeconds: 5 });
  const long = await call('leave');
  await long.speaker.press('5');
  await recording();
  await long.speaker.say(makeTones('adbecfadbecfadbecfadbecf'));
  await eventually(() => long.party.heard[600], 'the question what to do with it');
  await long.speaker.press('1');
  const { durationMs } = await eventually(() => store.list('201')[0], 'the message');
  t.ok(durationMs >= 4500 && durationMs <= 5600, `${durationMs} ms`);
});

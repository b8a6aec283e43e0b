import t from 'tap';
import { type Command, encodeMessage, type MediaEvent } from '../../firmware/media/protocol.ts';
import { decodeFromWorker, decodeToWorker } from '../../firmware/media/protocol-check.ts';

const digits: Command = { method: 'sendDigits', session: 1, leg: 1, digits: '12*#AD', durationMs: 40, pauseMs: 20_000 };
const recording: Command = {
  method: 'startRecording',
  session: 1,
  recording: 2,
  folder: '/var/lib/recordings',
  name: '2026-11-26_201-202.wav',
  who: 'both',
  channels: 2,
  sampleRate: 8000,
  paused: false,
  append: true,
  maxBytes: 1,
  maxFolderBytes: 2,
  keepFreeBytes: 0,
};
const others: readonly Command[] = [
  { method: 'pauseRecording', session: 1, recording: 2, paused: true },
  { method: 'stopRecording', session: 1, recording: 2 },
];

t.test('commands of digits and recordings are read as they are written', async (t) => {
  for (const command of [digits, recording, ...others]) {
    const request = { kind: 'request', id: 7, command } as const;
    t.same(decodeToWorker(encodeMessage(request)), request);
  }
});

for (const [command, changes] of [
  [digits, { digits: '' }],
  [digits, { digits: '5'.repeat(65) }],
  [digits, { digits: '5a' }],
  [digits, { digits: 5 }],
  [digits, { leg: 2 }],
  [digits, { durationMs: 39 }],
  [digits, { pauseMs: 20_001 }],
  [digits, { pauseMs: '100' }],
  [recording, { recording: 0 }],
  [recording, { folder: 'recordings' }],
  [recording, { folder: '/a\0b' }],
  [recording, { folder: `/${'ä'.repeat(256)}` }],
  [recording, { name: '../x' }],
  [recording, { name: '.x' }],
  [recording, { name: 'x/y' }],
  [recording, { name: '' }],
  [recording, { who: 2 }],
  [recording, { who: 0 }],
  [recording, { channels: 3 }],
  [recording, { sampleRate: 44_100 }],
  [recording, { paused: 1 }],
  [recording, { maxBytes: -1 }],
  [recording, { keepFreeBytes: 1.5 }],
] as const) {
  t.test(`refused: ${command.method} with ${JSON.stringify(changes).slice(0, 50)}`, async (t) => {
    const request = { kind: 'request', id: 7, command: { ...command, ...changes } };
    t.equal(decodeToWorker(JSON.stringify(request)), undefined);
  });
}

const digit: MediaEvent = { kind: 'digit', session: 1, leg: 0, digit: '#', durationMs: 100, how: 'audio' };
const ended: MediaEvent = {
  kind: 'recordingEnded',
  session: 1,
  recording: 2,
  reason: 'disk-full',
  durationMs: 10,
  sizeBytes: 204,
  error: 'No space left on device',
};

t.test('events of digits and recordings are read as they are written, and nothing else is', async (t) => {
  for (const event of [digit, ended]) {
    t.same(decodeFromWorker(encodeMessage({ kind: 'event', event })), { kind: 'event', event });
  }
  for (const event of [
    { ...digit, digit: '12' },
    { ...digit, digit: 'e' },
    { ...digit, how: 'info' },
    { ...digit, leg: 2 },
    { ...digit, durationMs: -1 },
    { ...ended, reason: 'bored' },
    { ...ended, recording: 0 },
    { ...ended, sizeBytes: 'NaN' },
    { ...ended, error: undefined },
  ]) {
    t.equal(decodeFromWorker(JSON.stringify({ kind: 'event', event })), undefined, JSON.stringify(event));
  }
});

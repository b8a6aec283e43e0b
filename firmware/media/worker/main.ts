/**
 * The media worker: a child process of the runtime that ends with its channel. Its arguments are the number of threads
 * that move packets, and a folder of sounds if there is one. JavaScript only passes requests on to the packet loops.
 * Nothing but Node's own modules is loaded, so that a new worker is there in a moment.
 */
import { assetPath } from '../../core/assets.ts';
import { eventOf } from '../event.ts';
import { MessageBatch, textsOf } from '../message-batch.ts';
import { encodeMessage, type FromWorker } from '../protocol.ts';
import { decodeToWorker } from '../protocol-check.ts';
import { loadAddon } from './addon.ts';
import { Sessions } from './sessions.ts';
import { SoundFiles } from './sound-files.ts';

const REFUSED_LOG_INTERVAL_MS = 1000;

// A parent that is gone is noticed by `disconnect`.
const batch = new MessageBatch((texts) => process.send?.(texts, undefined, undefined, () => {}));

function send(message: FromWorker): void {
  batch.add(encodeMessage(message));
}

function serve(): void {
  const addon = loadAddon();
  // Its own sounds stand behind those of the folder that the runtime names.
  const sounds = process.argv[3];
  const files = new SoundFiles([...(sounds === undefined ? [] : [sounds]), assetPath('sounds')]);
  const sessions = new Sessions(addon, files);
  addon.start({
    threads: Number(process.argv[2] ?? 1),
    onEvent: (native) => {
      const event = eventOf(native);
      if (event !== undefined) send({ kind: 'event', event });
    },
  });
  let refusedAt = Number.NEGATIVE_INFINITY;
  const receive = (text: unknown): void => {
    const message = decodeToWorker(text);
    if (message?.kind === 'request') {
      send({ kind: 'response', id: message.id, ...sessions.execute(message.command) });
    } else if (message?.kind === 'ping') {
      addon.awaitLoops();
      send({ kind: 'pong', id: message.id });
    } else if (performance.now() - refusedAt >= REFUSED_LOG_INTERVAL_MS) {
      refusedAt = performance.now();
      send({ kind: 'log', level: 'error', message: 'refused a request that is not of the protocol' });
    }
  };
  process.on('message', (raw: unknown) => textsOf(raw).forEach(receive));
  process.on('disconnect', () => process.exit(0));
  send({ kind: 'ready' });
}

// An interrupt at the terminal reaches the whole process group: the runtime says goodbye to the calls first, and
// then closes the channel.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

try {
  serve();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

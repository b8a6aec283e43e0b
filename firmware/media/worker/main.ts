/**
 * The media worker: a child process of the runtime that ends with its channel. Its arguments are the number of threads
 * that move packets, and a folder of sounds if there is one. JavaScript only passes requests on to the packet loops.
 * Nothing but Node's own modules is loaded, so that a new worker is there in a moment.
 */
import { Socket } from 'node:net';
import { assetPath } from '../../core/assets.ts';
import { CHANNEL_FD, Channel } from '../channel.ts';
import { eventOf } from '../event.ts';
import { encodeMessage, type FromWorker, MAX_DONE, MAX_MESSAGE_BYTES } from '../protocol.ts';
import { decodeToWorker } from '../protocol-check.ts';
import { loadAddon } from './addon.ts';
import { Sessions } from './sessions.ts';
import { SoundFiles } from './sound-files.ts';

const REFUSED_LOG_INTERVAL_MS = 1000;

function serve(): void {
  const addon = loadAddon();
  let done: number[] = [];
  const tellDone = (): void => {
    if (done.length === 0) return;
    channel.send(encodeMessage({ kind: 'done', ids: done }));
    done = [];
  };
  // What is done goes before what is said later.
  const send = (message: FromWorker): void => {
    tellDone();
    channel.send(encodeMessage(message));
  };
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
  const receive = (text: string | undefined): void => {
    const message = decodeToWorker(text);
    if (message?.kind === 'request') {
      const outcome = sessions.execute(message.command);
      if (outcome.ok && outcome.result === null) {
        done.push(message.id);
        if (done.length === MAX_DONE) tellDone();
      } else {
        send({ kind: 'response', id: message.id, ...outcome });
      }
    } else if (message?.kind === 'ping') {
      addon.awaitLoops();
      send({ kind: 'pong', id: message.id });
    } else if (performance.now() - refusedAt >= REFUSED_LOG_INTERVAL_MS) {
      refusedAt = performance.now();
      send({ kind: 'log', level: 'error', message: 'refused a request that is not of the protocol' });
    }
  };
  const channel = new Channel(new Socket({ fd: CHANNEL_FD, readable: true, writable: true }), MAX_MESSAGE_BYTES, {
    text: receive,
    pause: tellDone,
    end: () => process.exit(0),
  });
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

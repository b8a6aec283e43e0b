/** How the runtime starts its media worker, and what the worker of the bundle has with it. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import t from 'tap';
import { systemClock } from '../../firmware/core/clock.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { MediaClient } from '../../firmware/media/client.ts';
import { MUSIC_ON_HOLD, promptSound } from '../../firmware/media/prompts.ts';
import { PCMA, towards } from '../media/conversation.ts';
import { Party } from '../media/party.ts';
import { freePorts } from '../support/free-ports.ts';
import { repositoryPath } from '../support/repository.ts';
import { runRingdown } from '../support/ringdown.ts';
import { officeTest, talk } from './office.ts';

/** Threads of a process that move packets. */
function mediaThreads(pid: number): number {
  const names = readdirSync(`/proc/${pid}/task`).map((task) => readFileSync(`/proc/${pid}/task/${task}/comm`, 'utf8'));
  return names.filter((name) => name === 'media\n').length;
}

officeTest(
  'the worker has the threads that are configured, and the folder of sounds of one’s own',
  async (t, office) => {
    const { ringdown } = office;
    const workers = () => ringdown.children().map((pid) => ({ pid, threads: mediaThreads(pid) }));
    const [first] = ringdown.children();
    const words = readFileSync(`/proc/${first}/cmdline`, 'utf8').split('\0');
    t.equal(words.at(-2), join(ringdown.dataDirectory, 'sounds'));

    const left = await office.registered('201');
    const right = await office.registered('202', { incoming: 'answer' });
    t.match(await left.call('202'), { status: 200 });
    await runRingdown(['config', 'set', 'system.media.threads', '3', '--data', ringdown.dataDirectory]);
    const deadline = performance.now() + 20_000;
    const until = async (is: () => boolean): Promise<void> => {
      while (!is() && performance.now() < deadline) await delay(20);
    };
    await until(() => workers().some(({ threads }) => threads === 3));
    t.ok(
      workers().some(({ pid }) => pid === first),
      'the call keeps its worker',
    );
    await talk(t, left, right);
    await Promise.all([left.bye(), right.ended()]);
    await until(() => !workers().some(({ pid }) => pid === first));
    t.notOk(
      workers().some(({ pid }) => pid === first),
      'and no call a worker of before',
    );
    t.match(await left.call('202'), { status: 200 });
    await talk(t, left, right);
    await Promise.all([left.bye(), right.ended()]);
  },
);

t.test(
  'the worker of the bundle plays the sounds beside it, and those put into the other folder instead',
  async (t) => {
    const low = await freePorts(['127.0.0.1'], 4);
    const own = join(t.testdir(), 'sounds');
    const client = await MediaClient.start({
      ports: { low, high: low + 3 },
      logger: createLogger('silent'),
      clock: systemClock,
      sounds: own,
      workerEntry: join(repositoryPath, 'build/runtime/media-worker.cjs'),
    });
    const party = await Party.open('127.0.0.1');
    t.teardown(async () => {
      party.close();
      await client.close();
    });
    const session = await client.openSession(['127.0.0.1']);
    await session.configure(0, towards(party, PCMA));
    for (const name of [MUSIC_ON_HOLD, promptSound('de-AT', 'muted')]) {
      const before = party.heard.length;
      await session.play(0, { kind: 'files', names: [name] });
      const [, ...heard] = (await party.hear(before + 25, 8000)).slice(before);
      t.ok(new Set(heard.flatMap(({ payload }) => [...payload])).size > 16, `${name} is no silence`);
    }
    const file = readFileSync(join(repositoryPath, 'build/sounds', `${MUSIC_ON_HOLD}.8.wav`));
    // A-law: all but the head is one and the same sample.
    mkdirSync(join(own, 'music'), { recursive: true });
    writeFileSync(
      join(own, `${MUSIC_ON_HOLD}.wav`),
      Buffer.concat([file.subarray(0, 100), Buffer.alloc(file.length - 100, 0x55)]),
    );
    await session.play(0, { kind: 'files', names: [MUSIC_ON_HOLD] }, { offsetMs: 1000 });
    const before = party.heard.length;
    const last = (await party.hear(before + 25, 8000)).at(-1);
    t.same([...new Set(last?.payload)], [0x55], 'put there while the worker ran');
  },
);

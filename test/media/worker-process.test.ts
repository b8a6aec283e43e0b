import { pathToFileURL } from 'node:url';
import t from 'tap';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';

const WITHOUT_DESCRIPTORS = `
  import { openSync } from 'node:fs';
  import { WorkerProcess } from '${pathToFileURL(`${repositoryPath}/firmware/media/worker-process.ts`)}';
  try { for (;;) openSync('/dev/null'); } catch {}
  const exits = [];
  new WorkerProcess({ message() {}, complaint() {}, exit: (reason) => exits.push(reason) }, 1).send({ kind: 'ping', id: 1 });
  setImmediate(() => setImmediate(() => console.log(JSON.stringify(exits))));`;

t.test('a worker that cannot be started for want of descriptors says so by its exit, once', async (t) => {
  const node = [process.execPath, '--input-type=module', '--eval', WITHOUT_DESCRIPTORS];
  const exits = await outputOf('prlimit', ['--nofile=64', ...node]);
  t.match(JSON.parse(exits.toString()), [/^spawn .* EMFILE$/]);
});

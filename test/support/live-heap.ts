/**
 * Loaded into a runtime that is watched (`NODE_OPTIONS=--import=FILE`): at SIGUSR2 it collects all garbage and writes how many bytes of
 * JavaScript are left into the file that LIVE_HEAP names.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const file = process.env['LIVE_HEAP'];
if (file !== undefined) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  process.on('SIGUSR2', () => {
    collect();
    writeFileSync(`${file}.new`, String(process.memoryUsage().heapUsed));
    renameSync(`${file}.new`, file);
  });
}

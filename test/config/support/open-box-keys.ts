/** A worker that opens the key of each directory at the same moment as another, and seals something with it. */
import { parentPort, workerData } from 'node:worker_threads';
import { BoxKey } from '../../../firmware/config/secrets/box-key.ts';

const WORKERS = 2;

interface Work {
  readonly directories: readonly string[];
  /** Shared: how many workers have come to each directory. */
  readonly arrivals: Int32Array;
  readonly path: string;
}

const { directories, arrivals, path }: Work = workerData;

const sealed = directories.map((directory, index) => {
  Atomics.add(arrivals, index, 1);
  while (Atomics.load(arrivals, index) < WORKERS);
  return BoxKey.open(directory).seal(path, 'secret');
});

parentPort?.postMessage(sealed);

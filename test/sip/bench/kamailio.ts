import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openDatabase } from '../../../firmware/config/database.ts';
import { digestSecrets } from '../../../firmware/config/secrets/sip-password.ts';
import { atExit } from '../../support/cleanup.ts';
import { freePorts } from '../../support/free-ports.ts';
import { pin, SERVER_CORE } from '../../support/process-cost.ts';
import { outputOf } from '../../support/process-output.ts';
import { testOutputPath } from '../../support/repository.ts';
import { type Algorithm, numbers, passwordOf, type Server } from './server.ts';

const REALM = 'ringdown-bench';
const START_TIMEOUT_MS = 10_000;
/** As Debian's package installs them. */
const TABLES = ['standard-create.sql', 'usrloc-create.sql'].map((name) => join('/usr/share/kamailio/db_sqlite', name));

/**
 * Debian's Kamailio with one UDP child and the passwords of the bench in an htable. `sqlite`: bindings are written through
 * to a file in WAL, with `synchronous=NORMAL` as ours has it. `configuration` is its file: a registrar unless given.
 */
export async function startKamailio(
  bindings: 'memory' | 'sqlite',
  algorithm: Algorithm,
  configuration = join(import.meta.dirname, 'kamailio.cfg'),
): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-kamailio-'));
  const port = await freePorts(['127.0.0.1'], 2);
  copyFileSync(configuration, join(folder, 'kamailio.cfg'));
  writeFileSync(join(folder, 'passwords.cfg'), passwords(algorithm));
  const database = join(folder, 'location.db');
  if (bindings === 'sqlite') makeDatabase(database);
  const sqlite = ['SQLITE=1', `DATABASE="sqlite:///${database}"`];
  const defines = [`ALGORITHM="${algorithm}"`, ...(bindings === 'sqlite' ? sqlite : [])];
  const preload = bindings === 'sqlite' ? { LD_PRELOAD: await normalSynchronous() } : {};
  // Of shared memory it takes as much as it needs; with less than that for its transactions it drops calls.
  const args = [
    ...['-f', join(folder, 'kamailio.cfg'), '-DD', '-E', '-m', '1024', '-M', '16', '-w', folder, '-Y', folder],
    ...['-P', join(folder, 'pid'), '-l', `udp:127.0.0.1:${port}`],
    ...defines.flatMap((define) => ['-A', define]),
  ];
  const child = spawn('kamailio', args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...preload } });
  let log = '';
  child.stderr.on('data', (data: Buffer) => {
    log = (log + data.toString('utf8')).slice(-8000);
  });
  const ended = once(child, 'close');
  const remove = atExit(() => {
    child.kill('SIGTERM');
    rmSync(folder, { recursive: true, force: true });
  });
  await running(child, port, () => log);
  const { pid } = child;
  if (pid === undefined) throw new Error('kamailio has no process id');
  await pin(pid, SERVER_CORE);
  const close = async () => {
    child.kill('SIGTERM');
    await ended;
    remove();
  };
  return { name: bindings === 'memory' ? 'Kamailio' : 'Kamailio, SQLite', pid, port, close };
}

function passwords(algorithm: Algorithm): string {
  const lines = numbers().map((number) => {
    const { ha1Md5, ha1Sha256 } = digestSecrets(number, REALM, passwordOf(number));
    return `\t$sht(auth=>${number}) = "${algorithm === 'MD5' ? ha1Md5 : ha1Sha256}";\n`;
  });
  return `event_route[htable:mod-init] {\n${lines.join('')}}\n`;
}

function makeDatabase(file: string): void {
  const database = openDatabase(file, 'NORMAL');
  for (const table of TABLES) database.exec(readFileSync(table, 'utf8'));
  database.close();
}

/** Kamailio has no parameter for it, and Debian's SQLite waits for the disk after each commit. */
async function normalSynchronous(): Promise<string> {
  const library = testOutputPath('sqlite-normal.so');
  const source = join(import.meta.dirname, 'sqlite-normal.c');
  await outputOf('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-o', library, source, '-ldl']);
  return library;
}

/** It listens once the kernel lists its port. */
async function running(child: ChildProcess, port: number, log: () => string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  const listed = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  while (!readFileSync('/proc/net/udp', 'utf8').includes(listed)) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`kamailio does not start\n${log()}`);
    await delay(50);
  }
  // Its children are forked after the socket is bound.
  await delay(1000);
  if (child.exitCode !== null) throw new Error(`kamailio does not start\n${log()}`);
}

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';

const program = join(repositoryPath, 'image/steps/check-kernel-options');

interface Case {
  readonly title: string;
  readonly fragment: string;
  readonly config: string;
  /** Options that the complaint must name; none when the check must pass. */
  readonly dropped: readonly string[];
}

const CASES: readonly Case[] = [
  {
    title: 'all options took',
    fragment: '# a comment\nCONFIG_NET=y\n\nCONFIG_NAME="-x"\nCONFIG_DUMMY=n\nCONFIG_COUNT=5\n',
    config: 'CONFIG_NET=y\nCONFIG_NAME="-x"\n# CONFIG_DUMMY is not set\nCONFIG_COUNT=5\n',
    dropped: [],
  },
  {
    title: 'an option was dropped silently',
    fragment: 'CONFIG_NET=y\nCONFIG_EXT4_FS=y\nCONFIG_UNIX=y\n',
    config: 'CONFIG_NET=y\n# CONFIG_UNIX is not set\n',
    dropped: ['CONFIG_EXT4_FS', 'CONFIG_UNIX'],
  },
  {
    title: 'an option has another value',
    fragment: 'CONFIG_PANIC_TIMEOUT=5\n',
    config: 'CONFIG_PANIC_TIMEOUT=50\n',
    dropped: ['CONFIG_PANIC_TIMEOUT'],
  },
  {
    title: 'an option that must be off is on',
    fragment: 'CONFIG_MODULES=n\n',
    config: 'CONFIG_MODULES=y\n',
    dropped: ['CONFIG_MODULES'],
  },
  {
    title: 'a longer name is no substitute',
    fragment: 'CONFIG_NET=y\nCONFIG_COREDUMP=n\n',
    config: 'CONFIG_NET_CORE=y\nCONFIG_COREDUMP_FILTER=y\n',
    dropped: ['CONFIG_NET=y'],
  },
];

for (const { title, fragment, config, dropped } of CASES) {
  t.test(title, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'kernel-options-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, 'fragment'), fragment);
    writeFileSync(join(folder, 'config'), config);
    const check = outputOf(program, [join(folder, 'fragment'), join(folder, 'config')]);
    if (dropped.length === 0) {
      t.equal((await check).toString(), '');
      return;
    }
    const message = await check.then(
      () => 'passed',
      (error: Error) => error.message,
    );
    for (const name of dropped) t.match(message, name);
    t.equal(message.match(/^ {2}CONFIG_/gm)?.length, dropped.length, 'and names no other');
  });
}

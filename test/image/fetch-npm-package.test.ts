import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';

/** A project with one locked package, and an `npm` that packs `packed` as that package. */
async function project(
  t: Test,
  { integrityOf, packed }: { readonly integrityOf: string; readonly packed: string },
): Promise<{ readonly unpacked: string; readonly fetch: (name?: string) => Promise<string> }> {
  const folder = mkdtempSync(join(tmpdir(), 'fetch-npm-package-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const name of ['scripts', 'bin']) mkdirSync(join(folder, name));
  cpSync(join(repositoryPath, 'scripts/fetch-npm-package'), join(folder, 'scripts/fetch-npm-package'));
  const tarball = async (content: string): Promise<string> => {
    const path = join(folder, `${content}.tgz`);
    mkdirSync(join(folder, content, 'package'), { recursive: true });
    writeFileSync(join(folder, content, 'package/file'), content);
    // The same bytes whenever it is made.
    await outputOf('tar', ['-C', join(folder, content), '--mtime=@0', '-czf', path, 'package']);
    return path;
  };
  const expected = createHash('sha512')
    .update(readFileSync(await tarball(integrityOf)))
    .digest('base64');
  const packages = {
    'node_modules/thing': { version: '1.2.3', integrity: `sha512-${expected}` },
    'node_modules/bare': {},
  };
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages }));
  const log = join(folder, 'npm.log');
  // What the script asks of npm: `npm pack … --pack-destination FOLDER NAME@VERSION`.
  writeFileSync(
    join(folder, 'bin/npm'),
    `#!/bin/bash\necho "$*" >>${log}\nwhile [[ $1 != --pack-destination ]]; do shift; done\ncp ${await tarball(packed)} "$2/thing-1.2.3.tgz"\n`,
  );
  chmodSync(join(folder, 'bin/npm'), 0o755);
  return {
    unpacked: join(folder, 'build/npm/thing'),
    fetch: async (name = 'thing') => {
      const environment = [
        `PATH=${join(folder, 'bin')}:${process.env.PATH}`,
        `RINGDOWN_BUILD=${join(folder, 'build')}`,
      ];
      await outputOf('env', [...environment, join(folder, 'scripts/fetch-npm-package'), name]);
      return existsSync(log) ? readFileSync(log, 'utf8') : '';
    },
  };
}

t.test('unpacks the locked version, and asks npm only once', async (t) => {
  const { unpacked, fetch } = await project(t, { integrityOf: 'right', packed: 'right' });
  t.match(await fetch(), /thing@1\.2\.3/);
  t.equal(readFileSync(join(unpacked, 'file'), 'utf8'), 'right');
  const calls = await fetch();
  t.equal(calls.trim().split('\n').length, 1);
});

t.test('refuses what does not have the checksum of the lock file', async (t) => {
  const { unpacked, fetch } = await project(t, { integrityOf: 'right', packed: 'wrong' });
  await t.rejects(fetch(), { message: /thing 1\.2\.3 has the checksum sha512-.*but package-lock\.json says sha512-/ });
  t.notOk(existsSync(unpacked), 'nothing is left to be used by mistake');
});

t.test('refuses a package without a checksum, and one that is not locked', async (t) => {
  const { fetch } = await project(t, { integrityOf: 'right', packed: 'right' });
  await t.rejects(fetch('bare'), { message: /no sha512 checksum for bare/ });
  await t.rejects(fetch('unknown'), { message: /no sha512 checksum for unknown/ });
});

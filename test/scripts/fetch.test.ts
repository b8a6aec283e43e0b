/** What is built from others' sources is what was pinned, whatever a mirror or a registry sends. Both are stood in for: no network. */
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';

const TEXT = 'int answer(void) { return 42; }\n';

/** A work tree with the scripts in it alone, and a folder of programs that stand in for those of the machine. */
interface Stand {
  readonly folder: string;
  readonly archive: Buffer;
  /** From now on this is what the mirror sends. */
  offer(archive: Uint8Array): void;
  run(script: string, ...args: readonly string[]): Promise<string>;
}

/** An archive as their authors release it: one folder, one file. */
async function archiveOf(text: string, folder: string): Promise<Buffer> {
  mkdirSync(join(folder, 'package-1.0'));
  writeFileSync(join(folder, 'package-1.0', 'answer.c'), text);
  return outputOf('tar', ['--create', '--gzip', '--directory', folder, 'package-1.0']);
}

async function stand(t: Test): Promise<Stand> {
  const folder = t.testdir({ scripts: {}, programs: {}, made: {} });
  for (const script of ['fetch-debian-source', 'isolated-apt.sh', 'fetch-npm-package']) {
    copyFileSync(join(repositoryPath, 'scripts', script), join(folder, 'scripts', script));
  }
  const offered = join(folder, 'offered.tar.gz');
  const program = (name: string, text: string): void => {
    const path = join(folder, 'programs', name);
    writeFileSync(path, `#!/bin/bash\necho "$*" >>"${folder}/called"\n${text}\n`);
    chmodSync(path, 0o755);
  };
  program(
    'apt-get',
    `case " $* " in
      *' indextargets '*) echo 'Debian Packages http://mirror.invalid/debian bookworm main' ;;
      *' source '*) cp "${offered}" package_1.0.orig.tar.gz ;;
    esac`,
  );
  program('npm', `cp "${offered}" "$4/package-1.0.tgz"`);
  const archive = await archiveOf(TEXT, join(folder, 'made'));
  writeFileSync(offered, archive);
  return {
    folder,
    archive,
    offer: (archive) => writeFileSync(offered, archive),
    run: async (script, ...args) => {
      const path = `PATH=${join(folder, 'programs')}:${process.env.PATH}`;
      return (await outputOf('env', [path, join(folder, 'scripts', script), ...args])).toString().trim();
    },
  };
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** One byte of it, in the middle, is another one. */
function tampered(archive: Buffer): Buffer {
  const other = Buffer.from(archive);
  const middle = other.length >> 1;
  other[middle] = (other[middle] ?? 0) ^ 1;
  return other;
}

function everything(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

t.test('a source of Debian', async (t) => {
  t.test('is unpacked when its archive has the pinned checksum, and not fetched again', async (t) => {
    const { folder, archive, run, offer } = await stand(t);
    const unpacked = await run('fetch-debian-source', 'package', sha256(archive));
    t.equal(readFileSync(join(unpacked, 'answer.c'), 'utf8'), TEXT);
    const calls = readFileSync(join(folder, 'called'), 'utf8');
    t.match(calls, / source --download-only --tar-only package\n/);
    offer(Buffer.from('another one'));
    t.equal(await run('fetch-debian-source', 'package', sha256(archive)), unpacked);
    t.equal(readFileSync(join(folder, 'called'), 'utf8'), calls, 'no mirror is asked');
  });

  t.test('is refused when a byte of the archive is another one', async (t) => {
    const { folder, archive, run, offer } = await stand(t);
    offer(tampered(archive));
    await t.rejects(run('fetch-debian-source', 'package', sha256(archive)), /checksum differs from [0-9a-f]{64}/);
    t.same(everything(join(folder, 'build/sources')), [], 'nothing of it stays');
  });

  t.test('is refused when a good archive of other sources comes', async (t) => {
    const { folder, archive, run, offer } = await stand(t);
    mkdirSync(join(folder, 'other'));
    offer(await archiveOf('int answer(void) { return 41; }\n', join(folder, 'other')));
    await t.rejects(run('fetch-debian-source', 'package', sha256(archive)), /is not the archive that was pinned/);
    t.same(everything(join(folder, 'build/sources')), []);
  });

  t.test('is refused when another checksum is pinned', async (t) => {
    const { folder, archive, run } = await stand(t);
    const pinned = sha256(tampered(archive));
    await t.rejects(run('fetch-debian-source', 'package', pinned), new RegExp(`checksum differs from ${pinned}`));
    t.same(everything(join(folder, 'build/sources')), []);
  });
});

t.test('the codecs and SRTP are built from sources that are pinned', async (t) => {
  const script = readFileSync(join(repositoryPath, 'scripts/build-native'), 'utf8');
  for (const name of ['bcg729', 'libsrtp2', 'opus']) {
    t.match(script, new RegExp(`fetch-debian-source" ${name} ("\\$[a-z0-9_]+_sha256"|[0-9a-f]{64})`), name);
  }
  t.match(script, /^bcg729_sha256=[0-9a-f]{64}$/m);
});

t.test('a package of npm for another processor', async (t) => {
  const locked = (folder: string, archive: Uint8Array): void => {
    const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
    const packages = { 'node_modules/package': { version: '1.0', integrity } };
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ packages }));
  };

  t.test('is unpacked when it has the checksum of the lock file', async (t) => {
    const { folder, archive, run } = await stand(t);
    locked(folder, archive);
    await run('fetch-npm-package', 'package');
    t.equal(readFileSync(join(folder, 'build/npm/package/answer.c'), 'utf8'), TEXT);
  });

  t.test('is refused when a byte of it is another one', async (t) => {
    const { folder, archive, run, offer } = await stand(t);
    locked(folder, archive);
    offer(tampered(archive));
    await t.rejects(run('fetch-npm-package', 'package'), /has the checksum sha512-\S+ but package-lock.json says/);
    t.same(everything(join(folder, 'build/npm')), []);
  });
});

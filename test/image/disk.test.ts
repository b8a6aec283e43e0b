import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import t, { type Test } from 'tap';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';

const SECTOR_BYTES = 512;

/** The build steps with a build folder of their own, where the kernel and the root are only random bytes. */
class ImageBuild {
  readonly folder: string;
  readonly kernel = randomBytes(300_000);
  readonly root = randomBytes(70_000);
  readonly #top: string;

  constructor(t: Test) {
    this.#top = mkdtempSync(join(tmpdir(), 'image-'));
    t.teardown(() => rmSync(this.#top, { recursive: true }));
    for (const name of ['image', 'scripts'])
      cpSync(join(repositoryPath, name), join(this.#top, name), { recursive: true });
    this.folder = join(this.#top, 'build');
    for (const name of ['kernel', 'image']) mkdirSync(join(this.folder, name), { recursive: true });
    writeFileSync(join(this.folder, 'kernel/Image'), this.kernel);
    writeFileSync(join(this.folder, 'image/root.squashfs'), this.root);
  }

  path(name: string): string {
    return join(this.#top, name);
  }

  async run(program: string, ...args: readonly string[]): Promise<string> {
    return (await outputOf('env', [`RINGDOWN_BUILD=${this.folder}`, this.path(program), ...args])).toString('utf8');
  }
}

interface Partition {
  readonly name: string;
  readonly bytes: Buffer;
}

async function partitionsOf(disk: string): Promise<ReadonlyMap<string, Partition>> {
  const table = JSON.parse((await outputOf('sfdisk', ['--json', disk])).toString('utf8')) as {
    partitiontable: { partitions: readonly { name: string; start: number; size: number }[] };
  };
  const bytes = readFileSync(disk);
  return new Map(
    table.partitiontable.partitions.map(({ name, start, size }) => [
      name,
      { name, bytes: bytes.subarray(start * SECTOR_BYTES, (start + size) * SECTOR_BYTES) },
    ]),
  );
}

/** What debugfs answers about the ext4 file system in a partition. */
async function debugfs(build: ImageBuild, partition: Partition | undefined, request: string): Promise<Buffer> {
  const path = build.path(`${partition?.name}.ext4`);
  writeFileSync(path, partition?.bytes ?? '');
  return outputOf('debugfs', ['-R', request, path]);
}

t.test('the disk has a boot script, a kernel and a root, and a second build does nothing', async (t) => {
  const build = new ImageBuild(t);
  t.match(await build.run('image/steps/disk'), /done in/);
  const image = join(build.folder, 'image/ringdown.img');
  const partitions = await partitionsOf(image);
  t.strictSame([...partitions.keys()], ['boot', 'bootA', 'rootA']);
  t.ok(partitions.get('rootA')?.bytes.subarray(0, build.root.length).equals(build.root));
  t.ok((await debugfs(build, partitions.get('bootA'), 'cat /Image')).equals(build.kernel));
  t.match((await debugfs(build, partitions.get('boot'), 'cat /boot.scr')).toString('latin1'), /root=PARTLABEL=rootA/);
  t.match((await debugfs(build, partitions.get('boot'), 'stat /boot.scr')).toString(), /User: +0 +Group: +0 /);

  const first = readFileSync(image);
  t.match(await build.run('image/steps/disk'), /up to date/);
  rmSync(image);
  t.match(await build.run('image/steps/disk'), /done in/);
  t.ok(readFileSync(image).equals(first), 'the same inputs give the same bytes');
});

t.test('a step runs again when an input changes: its content, its mode, the step itself', async (t) => {
  const build = new ImageBuild(t);
  writeFileSync(
    build.path('image/steps/copy'),
    '#!/bin/bash\nset -euo pipefail\nsource "$(dirname "$0")/step.bash"\nhash=$(hash_inputs "$top/input" word)\n' +
      'skip_if_current "$build/output" "$hash"\n[[ ! -e $top/broken ]]\ncp -r "$top/input" "$build/output"\nnote_current "$build/output" "$hash"\n',
  );
  chmodSync(build.path('image/steps/copy'), 0o755);
  mkdirSync(build.path('input/folder'), { recursive: true });
  const file = build.path('input/folder/file');
  writeFileSync(file, 'one', { mode: 0o644 });
  const copy = async (): Promise<boolean> => /done in/.test(await build.run('image/steps/copy'));
  t.ok(await copy(), 'the first time');
  t.notOk(await copy());
  writeFileSync(file, 'two');
  t.ok(await copy(), 'other content');
  chmodSync(file, 0o755);
  t.ok(await copy(), 'another mode');
  writeFileSync(build.path('input/more'), '');
  t.ok(await copy(), 'one file more');
  writeFileSync(build.path('image/steps/copy'), '\n', { flag: 'a' });
  t.ok(await copy(), 'another step');
  t.notOk(await copy());
  // A step that failed must not look done the next time, even with the inputs of before.
  writeFileSync(file, 'three');
  writeFileSync(build.path('broken'), '');
  await t.rejects(copy());
  writeFileSync(file, 'two');
  rmSync(build.path('broken'));
  t.ok(await copy(), 'after a failure');
});

t.test("a run's disk has room for data, or holds data with the owners that the box expects", async (t) => {
  const build = new ImageBuild(t);
  await build.run('image/steps/disk');
  const disk = build.path('disk.img');
  await build.run('scripts/make-run-disk', '--size', '64', '--output', disk);
  t.equal(statSync(disk).size, 64 * 1024 * 1024);
  t.strictSame([...(await partitionsOf(disk)).keys()], ['boot', 'bootA', 'rootA']);

  mkdirSync(build.path('data/ringdown/certificates'), { recursive: true });
  writeFileSync(build.path('data/ringdown/certificates/key'), 'secret', { mode: 0o600 });
  await build.run('scripts/make-run-disk', '--size', '64', '--output', disk, '--data', build.path('data'));
  const data = (await partitionsOf(disk)).get('data');
  t.equal((await debugfs(build, data, 'cat /ringdown/certificates/key')).toString(), 'secret');
  const key = (await debugfs(build, data, 'stat /ringdown/certificates/key')).toString();
  t.match(key, /Mode: +0600 /);
  t.match(key, /User: +800 +Group: +800 /);
  t.match((await debugfs(build, data, 'stat /')).toString(), /User: +0 +Group: +0 /);
});

t.test('wrong use of make-run-disk ends with the cure and leaves no disk', async (t) => {
  const build = new ImageBuild(t);
  const disk = build.path('disk.img');
  const make = (...args: readonly string[]): Promise<string> =>
    build.run('scripts/make-run-disk', '--output', disk, ...args);
  await t.rejects(make(), { message: /ended with 2: .*ringdown\.img is missing: run scripts\/image/ });
  await build.run('image/steps/disk');
  await t.rejects(make('--size', '8'), { message: /ended with 2: .*--size wants MiB/ });
  await t.rejects(make('--data', '/nowhere'), { message: /ended with 2: .*no folder/ });
  await t.rejects(make('--what', 'x'), { message: /ended with 2: .*unknown option --what/ });
  t.notOk(existsSync(disk));
});

t.test("U-Boot's environment has a valid checksum and the run's kernel parameters", async (t) => {
  const build = new ImageBuild(t);
  const path = build.path('environment.img');
  await build.run('image/steps/make-environment', path, 'ringdown.serve=--media-ports,1024-2048 quiet');
  const flash = readFileSync(path);
  t.equal(flash.length, 64 * 1024 * 1024, 'the size of the emulated flash');
  const variables = flash.subarray(4, 0x40000);
  t.equal(flash.readUInt32LE(0), crc32(variables));
  const lines = variables.toString('latin1').split('\0');
  t.ok(lines.includes('extra=ringdown.serve=--media-ports,1024-2048 quiet'));
  t.ok(lines.includes('bootdelay=-2'), 'nobody stops U-Boot with a key');
  await t.rejects(build.run('image/steps/make-environment', path, 'one\ntwo'), { message: /one line/ });
});

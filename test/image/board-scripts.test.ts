import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';

const library = join(repositoryPath, 'board/lib/board.sh');

/** Standard output of shell words, with the board's functions defined. */
async function board(script: string, ...args: readonly string[]): Promise<string> {
  return (await outputOf('sh', ['-euc', `. ${library}; ${script}`, 'board', ...args])).toString('utf8').trimEnd();
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => lstatSync(path).isFile());
}

t.test('every script is one that its shell can read', async (t) => {
  const scripts = ['board', 'image', 'scripts']
    .flatMap((folder) => filesBelow(join(repositoryPath, folder)))
    .map((path) => ({ path, shell: /^#!\S*(?:\/|env )(sh|bash)\n/.exec(readFileSync(path, 'utf8'))?.[1] ?? '' }))
    .filter(({ path, shell }) => shell !== '' || path === library);
  t.ok(scripts.length > 20, `${scripts.length} scripts`);
  for (const { path, shell } of scripts) {
    await t.resolves(outputOf(shell || 'sh', ['-n', path]), path);
    if (shell !== '') t.ok(statSync(path).mode & 0o100, `${path} can be executed`);
  }
});

t.test('every service of the board has what the supervisor runs', async (t) => {
  const services = readdirSync(join(repositoryPath, 'board/services'));
  t.strictSame(services.toSorted(), ['console', 'power', 'ringdown']);
  for (const service of services) t.ok(statSync(join(repositoryPath, 'board/services', service, 'run')).isFile());
});

t.test('users have no password and no shell', async (t) => {
  const users = readFileSync(join(repositoryPath, 'image/overlay/etc/passwd'), 'utf8').trimEnd().split('\n');
  t.ok(users.length >= 4);
  for (const user of users) t.match(user, /^[a-z]+:\*:\d+:\d+:[^:]*:\/[^:]*:\/bin\/false$/);
});

t.test('back-off: 200 ms first, doubling to 30 s, from the start again after a minute', async (t) => {
  const delays: number[] = [];
  let previous = '0';
  for (let times = 0; times < 10; times++) {
    previous = await board('back_off_ms "$1" 1', previous);
    delays.push(Number(previous));
  }
  t.strictSame(delays, [200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
  t.equal(await board('back_off_ms 30000 59'), '30000');
  t.equal(await board('back_off_ms 30000 60'), '200');
});

t.test('kernel parameters', async (t) => {
  const parameter = (name: string, line: string): Promise<string> => board('kernel_parameter "$1" "$2"', name, line);
  const line = 'quiet ringdown.serve=--media-ports,1-2,--advertise,a=b xringdown.serve=no init=/x';
  t.equal(await parameter('ringdown.serve', line), '--media-ports,1-2,--advertise,a=b', 'keeps further equals signs');
  t.equal(await parameter('ringdown', line), '');
  t.equal(await parameter('absent', line), '');
});

t.test('RFC 4193 §3.2: a unique local prefix has 40 random bits', async (t) => {
  const prefix = (bytes: string): Promise<string> => board('ula_prefix "$1"', bytes);
  t.equal(await prefix(' 12 34 56 78 9a'), 'fd12:3456:789a');
  t.equal(await prefix(' 00 01 02 00 30'), 'fd00:102:30', 'RFC 5952 §4.1: no leading zeros');
  t.equal(await prefix(' ff 00 00 00 00'), 'fdff:0:0');
  const accepted = (text: string): Promise<boolean> =>
    board('is_ula_prefix "$1"', text).then(
      () => true,
      () => false,
    );
  for (const text of ['fd12:3456:789a', 'fd00:102:30', 'fdff:0:0']) t.ok(await accepted(text), text);
  for (const text of [
    '',
    'fd12',
    'fe80:1:2',
    'fd12:3456:789a:1',
    'fd12:03:1',
    'fd1:2:3',
    'fd12:3456:789a\nx',
    'FD12:1:1',
  ])
    t.notOk(await accepted(text), JSON.stringify(text));
});

t.test('finds a partition by its GPT name', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'board-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const devices: readonly (readonly [string, string])[] = [
    ['vda', 'DEVTYPE=disk\n'],
    ['vda1', 'DEVTYPE=partition\nPARTN=1\nPARTNAME=data-new\n'],
    ['mmcblk0p2', 'DEVTYPE=partition\nPARTN=2\nPARTNAME=data\n'],
  ];
  for (const [name, event] of devices) {
    mkdirSync(join(root, 'sys/class/block', name), { recursive: true });
    writeFileSync(join(root, 'sys/class/block', name, 'uevent'), event);
  }
  const find = (name: string): Promise<string> => board('RINGDOWN_ROOT=$1; partition_device "$2"', root, name);
  t.equal(await find('data'), '/dev/mmcblk0p2');
  t.equal(await find('data-new'), '/dev/vda1');
  t.equal(await find('rootA'), '');
});

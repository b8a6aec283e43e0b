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

/** Whether shell words end well. */
function accepts(script: string, ...args: readonly string[]): Promise<boolean> {
  return board(script, ...args).then(
    () => true,
    () => false,
  );
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
  t.strictSame(services.toSorted(), ['console', 'network', 'power', 'ringdown']);
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
  const accepted = (text: string): Promise<boolean> => accepts('is_ula_prefix "$1"', text);
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

t.test('an address that a host can have', async (t) => {
  const cases: readonly (readonly [check: string, good: readonly string[], bad: readonly string[]])[] = [
    [
      'is_ipv4_host',
      [
        '192.168.50.1/24',
        '10.0.0.1/8',
        '1.2.3.4/32',
        '10.0.0.0/31',
        '10.0.0.255/16',
        '223.255.255.254/30',
        '64.0.0.1/1',
      ],
      [
        ...['', '/', '/24', '192.168.50.1', '192.168.50.1/', '192.168.50/24', '192.168.50.1.1/24', '192.168..1/24'],
        ...['.168.50.1/24', '192.168.50./24', '192.168.50.256/24', '192.168.50.01/24', '192.168.50.1000/24'],
        ...['192.168.50.1/0', '192.168.50.1/33', '192.168.50.1/024', '192.168.50.1/24/24', '192.168.50.1/-1'],
        ...['0.0.0.0/24', '0.1.2.3/8', '127.0.0.1/8', '127.1.2.3/32', '224.0.0.1/24', '239.1.1.1/8', '240.0.0.1/8'],
        ...['255.255.255.255/32', '192.168.50.0/24', '192.168.50.255/24', '10.255.255.255/8', '128.0.0.0/1'],
        ...['0x7f.0.0.1/8', '192.168.50.1 /24', '192.168.50.1/24\n', '$(id).1.1.1/8', '*.168.50.1/24', 'fd00::1/64'],
      ],
    ],
    [
      'is_ipv6_host',
      [
        ...['fd12:3456:789a:42::1/64', '2001:db8::1/128', '2001:db8:1:2:3:4:5:6/64', 'fd00:1:2:3:4:5::7/64', 'ff::1/8'],
        ...['64:ff9b::1/96', 'fe00::1/1', 'fec0::1/10', 'fd00:0:0:0::1/64'],
      ],
      [
        ...['', '/64', 'fd00::1', 'fd00::1/', 'fd00::1/0', 'fd00::1/129', 'fd00::1/064', 'fd00::1/64/64', 'fd00/64'],
        ...['::/64', '::1/128', '0::1/64', '0:0:0:0:0:0:0:1/128', '0000::1/64', '::ffff:192.0.2.1/96', '::ffff:1:1/96'],
        ...['ff02::1/64', 'ffff::/8', 'fe80::1/64', 'febf::1/64', 'fe80::1%eth0/64', 'fd00::/64', 'fd00:1:/64'],
        ...[':fd00::1/64', 'fd00:::1/64', 'fd00::1::2/64', 'fd00:1:2:3:4:5:6/64', 'fd00:1:2:3:4:5:6:7:8/64'],
        ...['fd00:1:2:3:4:5:6::7/64', 'fd00::12345/64', 'fd00::g/64', 'FD00::1/64', 'fd00::192.0.2.1/64'],
        ...['fd00::1 /64', 'fd00::1/64\n', 'fd00::1;id/64', 'fd00::*/64', '192.168.50.1/24'],
      ],
    ],
  ];
  for (const [check, good, bad] of cases) {
    for (const text of good) t.ok(await accepts(`${check} "$1"`, text), `${check} ${text}`);
    for (const text of bad) t.notOk(await accepts(`${check} "$1"`, text), `${check} ${JSON.stringify(text)}`);
  }
});

t.test('a request names all the addresses that a LAN is to have', async (t) => {
  const read = (request: string): Promise<string> => board('lan_addresses "$1" fd12:3456:789a', request);
  const good: readonly (readonly [string, string])[] = [
    ['lan1 192.168.50.1/24', '192.168.50.1/24'],
    ['lan1 ula', 'fd12:3456:789a:42::1/64'],
    ['lan2 ula 10.0.0.1/8', 'fd12:3456:789a:43::1/64 10.0.0.1/8'],
    [
      'lan1 10.0.0.1/8 fd00::1/64 fd00::2/64 fd00::3/64 ula',
      '10.0.0.1/8 fd00::1/64 fd00::2/64 fd00::3/64 fd12:3456:789a:42::1/64',
    ],
  ];
  for (const [request, addresses] of good) t.equal(await read(request), addresses, request);
  for (const lan of ['lan1', 'lan2']) {
    t.match(await read(await board('lan_default "$1"', lan)), /^192\.168\.4[23]\.1\/24 fd12:/, `${lan} at first`);
  }
  const bad = [
    '',
    'lan1',
    'lan1 ',
    'lan3 192.168.50.1/24',
    'LAN1 192.168.50.1/24',
    '192.168.50.1/24',
    ' lan1 192.168.50.1/24',
    'lan1 192.168.50.1/24 ',
    'lan1  192.168.50.1/24',
    'lan1\t192.168.50.1/24',
    'lan1 192.168.50.1/24\nlan2 10.0.0.1/8',
    'lan1 192.168.50.1/24 10.0.0.1/8',
    'lan1 192.168.50.1/24 192.168.50.1/24',
    'lan1 ula ula',
    'lan1 ula fd12:3456:789a:42::1/64',
    'lan1 ula fd00::1/64 fd00::2/64 fd00::3/64 fd00::4/64',
    'lan1 192.168.50.1/24 box',
    'lan1 192.168.50.1/24;reboot',
    'lan1 $(reboot)',
    'lan1 `reboot`',
    'lan1 192.168.50.1/24 >/data/x',
    'lan1 *',
    'lan1 192.168.50.1/24 \\',
    'lan1 192.168.50.1/24 \u00ff',
    'reboot',
  ];
  for (const request of bad)
    t.notOk(await accepts('lan_addresses "$1" fd12:3456:789a', request), JSON.stringify(request));
  t.notOk(await accepts('lan_addresses "$1" ""', 'lan1 ula'), 'without a prefix of its own');
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

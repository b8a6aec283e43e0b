import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createLogger } from '../../firmware/core/logger.ts';
import { NetworkAddresses, parseAddresses } from '../../firmware/system/network-addresses.ts';
import { Changes } from '../support/phone/changes.ts';

const WAIT_MS = 5000;

t.test('a list counts when every line of it is whole', async (t) => {
  const whole: readonly (readonly [string, readonly string[]])[] = [
    ['192.168.42.1/24\n', ['192.168.42.1']],
    ['192.168.42.1/24\nfd12:3456:789a:42::1/64\n', ['192.168.42.1', 'fd12:3456:789a:42::1']],
    ['FD00:0:0:0::1/64\n', ['fd00::1']],
    ['10.0.0.1/32\n::1/128\n', ['10.0.0.1', '::1']],
  ];
  for (const [text, addresses] of whole) t.strictSame(parseAddresses(text), addresses, JSON.stringify(text));
  const partial = [
    '',
    '\n',
    '192.168.42.1',
    '192.168.42.1/24',
    '192.168.42.1\n',
    '192.168.42.1/\n',
    '192.168.42.1/33\n',
    'fd00::1/129\n',
    'fd00::1/1234\n',
    'fe80::1%eth0/64\n',
    '192.168.42.1/24\nfd12:34',
    '192.168.42.1/24\n\n',
    '192.168.42.1/24 \n',
    'lan1 192.168.42.1/24\n',
    '\0'.repeat(100),
  ];
  for (const text of partial) t.equal(parseAddresses(text), undefined, JSON.stringify(text));
});

interface Followed {
  readonly network: NetworkAddresses;
  readonly lines: string[];
  /** Waits until these are the addresses. */
  readonly becomes: (...addresses: readonly string[]) => Promise<void>;
  readonly changes: () => number;
}

function follow(t: Test, directory: string): Followed {
  const told = new Changes();
  const lines: string[] = [];
  const logger = createLogger('info', {
    write(line) {
      lines.push(line);
      told.notify();
    },
  });
  let changes = 0;
  const onChange = (): void => {
    changes += 1;
    told.notify();
  };
  const network = NetworkAddresses.follow(directory, onChange, logger);
  t.teardown(() => network.close());
  const becomes = async (...addresses: readonly string[]): Promise<void> => {
    const reached = (): true | undefined => (network.addresses.join() === addresses.join() ? true : undefined);
    await told.until(reached, WAIT_MS, addresses.join() || 'no address', () => network.addresses.join());
  };
  return { network, lines, becomes, changes: () => changes };
}

/** As the board writes: whole, by a rename. */
function write(directory: string, name: string, ...lines: readonly string[]): void {
  writeFileSync(join(directory, `.${name}.new`), lines.map((line) => `${line}\n`).join(''));
  renameSync(join(directory, `.${name}.new`), join(directory, name));
}

t.test('addresses come and go with the files', async (t) => {
  const directory = t.testdir();
  write(directory, 'lan2', '192.168.43.1/24');
  const { network, becomes, lines, changes } = follow(t, directory);
  t.strictSame(network.addresses, ['192.168.43.1'], 'a LAN without a file has none');

  write(directory, 'lan1', '192.168.42.1/24', 'fd00::1/64');
  await becomes('192.168.42.1', 'fd00::1', '192.168.43.1');
  write(directory, 'lan1', '192.168.50.1/24', 'fd00::1/64', '192.168.43.1/24');
  await becomes('192.168.50.1', 'fd00::1', '192.168.43.1');
  rmSync(join(directory, 'lan1'));
  await becomes('192.168.43.1');
  t.equal(changes(), 3);

  write(directory, 'lan2', '192.168.43.1/16');
  write(directory, 'resolv.conf', '192.168.99.1/24');
  write(directory, 'lan3', '192.168.99.1/24');
  write(directory, 'lan1', '10.0.0.1/8');
  await becomes('10.0.0.1', '192.168.43.1');
  t.equal(changes(), 4, 'what changes no address is no change');
  t.strictSame(lines, []);
  network.close();
  network.close();
});

t.test('a file that is half written leaves things as they are, and is told once', async (t) => {
  const directory = t.testdir({ lan1: '192.168.42.1/24\n' });
  const { network, becomes, lines } = follow(t, directory);
  for (const text of ['', '192.168.', 'x'.repeat(10_000), '192.168.50.1/24']) {
    writeFileSync(join(directory, 'lan1'), text);
    // The other file tells when this one has been looked at.
    write(directory, 'lan2', `10.0.0.${(text.length % 200) + 1}/8`);
    await becomes('192.168.42.1', `10.0.0.${(text.length % 200) + 1}`);
  }
  t.match(lines, [/"file":"[^"]*lan1".*the last one holds/]);
  t.equal(lines.length, 1);
  write(directory, 'lan1', '192.168.50.1/24');
  await becomes('192.168.50.1', '10.0.0.16');
  rmSync(join(directory, 'lan1'));
  await becomes('10.0.0.16');
  mkdirSync(join(directory, 'lan1'));
  write(directory, 'lan2', '10.0.0.1/8');
  await becomes('10.0.0.1');
  t.equal(lines.length, 2, 'told again once it was whole in between');
  network.close();
  write(directory, 'lan2', '10.0.0.2/8');
});

t.test('a folder that is not there is a mistake of who names it', async (t) => {
  const directory = join(t.testdir(), 'absent');
  t.throws(() => follow(t, directory), {
    code: 'SYSTEM_NETWORK_FOLDER',
    message: new RegExp(directory),
    cure: /--network/,
  });
});

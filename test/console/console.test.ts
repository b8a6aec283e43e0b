import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node-pty';
import t, { type Test } from 'tap';
import { ControlServer } from '../../firmware/console/control.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { Person } from '../support/person.ts';

const PROGRAM = join(import.meta.dirname, '../../build/ringdown');
const PASSWORD = 'correct horse';

function setUp(t: Test): { directory: string; sitDown: () => Person } {
  if (!existsSync(PROGRAM)) throw new Error('build/ringdown is missing: run make build');
  const directory = mkdtempSync(join(tmpdir(), 'rd-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const sitDown = () => {
    const terminal = spawn(
      PROGRAM,
      [
        'console',
        '--data',
        join(directory, 'console'),
        '--control',
        join(directory, 'control.sock'),
        '--power',
        join(directory, 'power'),
        '--network',
        join(directory, 'network'),
      ],
      { cols: 100, rows: 30, env: { PATH: process.env.PATH ?? '', TERM: 'vt220' } },
    );
    const person = new Person(terminal);
    t.teardown(() => person.leave());
    return person;
  };
  return { directory, sitDown };
}

async function firstLogin(person: Person): Promise<void> {
  await person.sees('set the password');
  await person.sees('login: ');
  person.type('admin');
  await person.sees('New password');
  person.type(PASSWORD);
  await person.sees('Again: ');
  person.type(PASSWORD);
  await person.sees('The password is set.');
  await person.sees('ringdown> ');
}

t.test('the first login sets the password, the next one asks for it, and nobody sees it', async (t) => {
  const { sitDown } = setUp(t);
  const first = sitDown();
  await firstLogin(first);
  first.type('logout');
  t.equal(await first.exited, 0);
  t.notMatch(first.transcript, PASSWORD);

  const second = sitDown();
  await second.sees('login: ');
  second.type('admin');
  await second.sees('Password: ');
  second.type('a wrong one');
  await second.sees('Login incorrect');
  await second.sees('login: ');
  second.type('root');
  await second.sees('Password: ');
  second.type(PASSWORD);
  await second.sees('Login incorrect');
  await second.sees('login: ');
  second.type('admin');
  await second.sees('Password: ');
  second.type(PASSWORD);
  await second.sees('ringdown> ');
  t.notMatch(second.transcript, PASSWORD);
  t.notMatch(second.transcript, /a wrong one/);
});

t.test('two different passwords, or a short one, set nothing', async (t) => {
  const { sitDown } = setUp(t);
  const person = sitDown();
  for (const [one, two, answer] of [
    [PASSWORD, 'correct house', 'The two differ'],
    ['short', 'short', 'Use 9 to 128 characters'],
    ['123456789', '123456789', 'is a mere run of characters'],
  ] as const) {
    await person.sees('login: ');
    person.type('admin');
    await person.sees('New password');
    person.type(one);
    await person.sees('Again: ');
    person.type(two);
    await person.sees(answer);
  }
  await firstLogin(person);
});

t.test('commands of the service go to it; without it the console says so and goes on', async (t) => {
  const { directory, sitDown } = setUp(t);
  const person = sitDown();
  await firstLogin(person);
  person.type('status');
  await person.sees('The telephone service does not answer');
  await person.sees('ringdown> ');
  const server = await ControlServer.open(
    join(directory, 'control.sock'),
    async (words) => ({ status: 0, output: `ran <${words.join('|')}>\n`, errors: '' }),
    createLogger('silent'),
  );
  t.teardown(() => server.close());
  person.type('extension add 201 --name "Front desk"');
  await person.sees('ran <extension|add|201|--name|Front desk>');
  await person.sees('ringdown> ');
  person.type('an "open quote');
  await person.sees('is not closed');
  await person.sees('ringdown> ');
  person.type('help');
  await person.sees('extension add');
  for (const command of ['config unset', 'config export', 'config import', 'users import']) await person.sees(command);
});

t.test('what a command reads is asked for: secrets twice and unseen, files as they are pasted', async (t) => {
  const { directory, sitDown } = setUp(t);
  const server = await ControlServer.open(
    join(directory, 'control.sock'),
    async (words, input) => ({
      status: 0,
      output: `ran <${words.join('|')}> on ${JSON.stringify(input)}\n`,
      errors: '',
    }),
    createLogger('silent'),
  );
  t.teardown(() => server.close());
  const person = sitDown();
  await firstLogin(person);

  person.type('config set users.201.loginCode -');
  await person.sees('Value: ');
  person.type('4712');
  await person.sees('Again: ');
  t.notMatch(person.transcript, '4712', 'what is typed is not shown');
  person.type('4712');
  await person.sees('ran <config|set|users.201.loginCode|-> on "4712\\n"');
  await person.sees('ringdown> ');
  person.type('config set certificates.Root.pem -');
  await person.sees('Paste the value, and end it with a line that holds a . alone:');
  person.press('-----BEGIN\rMIIB\r-----END\r.\r');
  await person.sees('ran <config|set|certificates.Root.pem|-> on "-----BEGIN\\nMIIB\\n-----END\\n"');
  await person.sees('ringdown> ');
  person.type('config set users.201.logincode -');
  await person.sees('ran <config|set|users.201.logincode|-> on ""');
  t.notMatch(person.transcript, /logincode[\s\S]*Paste/, 'what is not known might be a secret');
  await person.sees('ringdown> ');
  person.type('extension password 201 --password-stdin');
  await person.sees('Password: ');
  person.type('one');
  await person.sees('Again: ');
  person.type('another');
  await person.sees('The two differ; nothing was changed.');
  await person.sees('ringdown> ');

  person.type('config import - --merge');
  await person.sees('alone:');
  // In one burst, as a terminal program sends a clipboard.
  const lines = Array.from({ length: 500 }, (_, index) => `line ${index}`);
  person.press(`${[...lines, '.', ''].join('\r')}`);
  await person.sees(`ran <config|import|-|--merge> on ${JSON.stringify(`${lines.join('\n')}\n`)}`);
  await person.sees('ringdown> ');

  person.type('config import -');
  await person.sees('alone:');
  person.type('half a file');
  person.press('\u0003');
  await person.sees('given up');
  await person.sees('ringdown> ');
  person.type('config export --with-secrets --passphrase-stdin');
  await person.sees('Passphrase: ');
  person.type('four words of passphrase');
  await person.sees('Again: ');
  person.type('four words of passphrase');
  await person.sees('ran <config|export|--with-secrets|--passphrase-stdin> on "four words of passphrase\\n"');
});

t.test('what the box has to tell is shown after the login', async (t) => {
  const { directory, sitDown } = setUp(t);
  const server = await ControlServer.open(
    join(directory, 'control.sock'),
    async (words) => ({ status: 0, output: words[0] === 'notices' ? 'Notice: look here\n' : '', errors: '' }),
    createLogger('silent'),
  );
  t.teardown(() => server.close());
  const person = sitDown();
  await firstLogin(person);
  t.match(person.transcript, /The password is set\.[\s\S]*Notice: look here[\s\S]*Type help/);
});

t.test('reboot asks, writes the power pipe, and says so where there is no power service', async (t) => {
  const { directory, sitDown } = setUp(t);
  const person = sitDown();
  await firstLogin(person);
  person.type('reboot');
  await person.sees('[y/N]');
  person.type('y');
  await person.sees('ENOENT');
  await person.sees('ringdown> ');
  writeFileSync(join(directory, 'power'), '');
  person.type('poweroff');
  await person.sees('[y/N]');
  person.type('n');
  await person.sees('ringdown> ');
  t.equal(readFileSync(join(directory, 'power'), 'utf8'), '');
  person.type('poweroff');
  await person.sees('[y/N]');
  person.type('y');
  await person.sees('going down');
  t.equal(readFileSync(join(directory, 'power'), 'utf8'), 'poweroff\n');
});

t.test('Ctrl-C gives a new line, Ctrl-D leaves, and a line without end ends the session', async (t) => {
  const { sitDown } = setUp(t);
  const person = sitDown();
  await firstLogin(person);
  person.press('half a comm');
  person.press('\u0003');
  await person.sees('ringdown> ');
  person.type('network');
  await person.sees('ENOENT');
  person.press('\u0004');
  t.equal(await person.exited, 0);
  const other = sitDown();
  await other.sees('login: ');
  other.press('\u0004');
  t.equal(await other.exited, 0);
});

t.test('a trace goes on until a key is pressed, or by itself, and then the prompt is back', async (t) => {
  const { directory, sitDown } = setUp(t);
  const gone: string[] = [];
  const server = await ControlServer.open(
    join(directory, 'control.sock'),
    async (words, _input, live) => {
      if (live === undefined) return { status: 0, output: 'not live\n', errors: '' };
      live.output.write(`showing <${words.join('|')}>\n`);
      if (words.includes('short')) return { status: 1, output: '', errors: 'it is over\n' };
      await new Promise((resolve) => live.stopped.addEventListener('abort', resolve));
      gone.push(words.join(' '));
      return { status: 0, output: '', errors: '' };
    },
    createLogger('silent'),
  );
  t.teardown(() => server.close());
  const person = sitDown();
  await firstLogin(person);
  for (const key of ['q', '\x03', '\r', ' ']) {
    person.type('trace 201');
    await person.sees('Any key ends the trace.');
    await person.sees('showing <trace|201>');
    person.press(key);
    await person.sees('ringdown> ');
  }
  person.type('trace short');
  await person.sees('it is over');
  await person.sees('ringdown> ');
  person.type('trace --help');
  await person.sees('not live');
  await person.sees('ringdown> ');
  person.type('logout');
  t.equal(await person.exited, 0);
  t.equal(gone.length, 4, 'the service heard each time that nobody watches');
});

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createLogger } from '../../firmware/core/logger.ts';
import type { MakePhoneFile } from '../../firmware/phones/phone-file.ts';
import { checkStaticFile, isStaticFileName, staticFileWarnings } from '../../firmware/phones/static-file-rules.ts';
import { phoneFiles, StaticPhoneFiles } from '../../firmware/phones/static-files.ts';

const CERTIFICATE = readFileSync(new URL('../sip/fixtures/tls/cert.pem', import.meta.url));
const KEY = readFileSync(new URL('../sip/fixtures/tls/key.pem', import.meta.url));
const TEXT = Buffer.from('## mine\nSET PROCPSWD 1234\n');

function setUp(t: Test) {
  const data = t.testdir();
  const folder = join(data, 'phone-files');
  const lines: Record<string, unknown>[] = [];
  const files = new StaticPhoneFiles(data, createLogger('info', { write: (line) => lines.push(JSON.parse(line)) }));
  return { data, folder, files, lines };
}

const NAMES: readonly (readonly [name: string, isAllowed: boolean])[] = [
  ['46xxsettings.txt', true],
  ['46xxspecials.txt', true],
  ['46xxBranchsettings.txt', true],
  ['J100Supgrade.txt', true],
  ['K1xxSupgrade.txt', true],
  ['96x1Supgrade.txt', true],
  ['46xxupgrade.txt', true],
  ['WebRootCA.pem', true],
  ['c81fea83e85a.txt', true],
  ['C81FEA83E85A.xml', true],
  ['c81fEA83e85a.cfg', true],
  ['c81fea83e85a.pem', false],
  ['c81fea83e85.txt', false],
  ['c81fea83e85ag.txt', false],
  ['c8:1f:ea:83:e8:5a.txt', false],
  ['46XXSETTINGS.TXT', false],
  ['46xxsettings.txt.tmp', false],
  ['46xxsettings.txt\n', false],
  ['46xxsettings.txt\0', false],
  ['../46xxsettings.txt', false],
  ['/46xxsettings.txt', false],
  ['..', false],
  ['', false],
  ['constructor', false],
  ['ringdown.db', false],
];

t.test('names that a phone asks for, and no others', async (t) => {
  const { files, folder } = setUp(t);
  for (const [name, isAllowed] of NAMES) {
    t.equal(isStaticFileName(name), isAllowed, JSON.stringify(name));
    if (isAllowed) continue;
    t.throws(() => files.write(name, TEXT), { code: 'PHONES_FILE_NAME' });
    t.throws(() => files.read(name), { code: 'PHONES_FILE_NAME' });
    t.throws(() => files.delete(name), { code: 'PHONES_FILE_NAME' });
    t.equal(files.get(name), undefined);
  }
  t.throws(() => statSync(folder), { code: 'ENOENT' }, 'nothing was written');
});

const CONTENTS: readonly (readonly [what: string, name: string, content: Buffer, code: string | undefined])[] = [
  ['a text', '46xxspecials.txt', TEXT, undefined],
  [
    'CRLF, a tab, an old code page',
    '46xxspecials.txt',
    Buffer.from('SET X 1\r\n\t## gr\xfc\xdfe\n', 'latin1'),
    undefined,
  ],
  ['a megabyte', '46xxspecials.txt', Buffer.alloc(1_048_576, 'x'), undefined],
  ['a certificate', 'WebRootCA.pem', CERTIFICATE, undefined],
  ['two certificates', 'WebRootCA.pem', Buffer.concat([CERTIFICATE, CERTIFICATE]), undefined],
  ['more than a megabyte', '46xxspecials.txt', Buffer.alloc(1_048_577, 'x'), 'PHONES_FILE_TOO_LARGE'],
  ['ten megabytes', '46xxspecials.txt', Buffer.alloc(10 * 1_048_576, 'x'), 'PHONES_FILE_TOO_LARGE'],
  ['nothing', '46xxspecials.txt', Buffer.alloc(0), 'PHONES_FILE_EMPTY'],
  ['a NUL', '46xxspecials.txt', Buffer.from('SET X 1\0\n'), 'PHONES_FILE_BINARY'],
  ['a program', '46xxspecials.txt', readFileSync(process.execPath).subarray(0, 4096), 'PHONES_FILE_BINARY'],
  ['an escape', 'c81fea83e85a.cfg', Buffer.from('\x1b[2J'), 'PHONES_FILE_BINARY'],
  ['UTF-16', '46xxsettings.txt', Buffer.from('SET X 1\n', 'utf16le'), 'PHONES_FILE_BINARY'],
  ['a key', 'WebRootCA.pem', Buffer.concat([CERTIFICATE, KEY]), 'PHONES_FILE_PRIVATE_KEY'],
  ['a key in a text', '46xxspecials.txt', KEY, 'PHONES_FILE_PRIVATE_KEY'],
  ['no certificate', 'WebRootCA.pem', TEXT, 'PHONES_FILE_NO_CERTIFICATE'],
  [
    'a certificate that is none',
    'WebRootCA.pem',
    Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
    'PHONES_FILE_NO_CERTIFICATE',
  ],
  [
    'a flood of certificates',
    'WebRootCA.pem',
    Buffer.concat(Array(40).fill(CERTIFICATE)),
    'PHONES_FILE_NO_CERTIFICATE',
  ],
];

t.test('what a phone could read, and nothing else', async (t) => {
  const { files } = setUp(t);
  for (const [what, name, content, code] of CONTENTS) {
    if (code === undefined) {
      t.doesNotThrow(() => checkStaticFile(name, content), what);
      continue;
    }
    t.throws(() => files.write(name, content), { code }, what);
    t.equal(files.get(name), undefined, what);
  }
});

t.test('a file is written whole, is found by every process and overrides the generated one', async (t) => {
  const { data, folder, files, lines } = setUp(t);
  const generated: MakePhoneFile = ({ name }) =>
    name === '46xxsettings.txt'
      ? { contentType: 'text/plain', body: 'generated', origin: 'generated', why: 'a test' }
      : undefined;
  const make = phoneFiles({ generated, staticFiles: files });
  // As the next request that comes in.
  const ask = async (name: string) => {
    await new Promise((resolve) => setImmediate(resolve));
    return make({ name, localAddress: '', lan: undefined, remoteAddress: '', isSecure: false, userAgent: '' });
  };
  t.strictSame(files.list(), []);
  t.equal((await ask('46xxsettings.txt'))?.origin, 'generated');
  t.equal(await ask('c81fea83e85a.txt'), undefined);

  const cli = new StaticPhoneFiles(data);
  cli.write('46xxsettings.txt', TEXT);
  cli.write('c81fea83e85a.txt', TEXT);
  t.equal(statSync(folder).mode & 0o777, 0o700);
  t.equal(statSync(join(folder, '46xxsettings.txt')).mode & 0o777, 0o600);
  t.strictSame(readdirSync(folder).toSorted(), ['46xxsettings.txt', 'c81fea83e85a.txt'], 'nothing is left beside');
  const served = await ask('46xxsettings.txt');
  t.match(served, { origin: 'static', contentType: 'text/plain; charset=us-ascii', why: 'uploaded file' });
  t.strictSame(served?.body, TEXT);
  t.equal(await ask('46xxsettings.txt'), served, 'read once');
  t.strictSame((await ask('c81fea83e85a.txt'))?.body, TEXT);
  t.equal(await ask('C81FEA83E85A.txt'), undefined, 'letter by letter');

  cli.write('46xxsettings.txt', Buffer.from('## other\n'));
  t.equal((await ask('46xxsettings.txt'))?.body.toString(), '## other\n', 'at once');
  writeFileSync(join(folder, '46xxsettings.txt'), '## grr\xfc\n', 'latin1');
  t.match(await ask('46xxsettings.txt'), { contentType: 'text/plain' }, 'also when somebody writes into it');
  t.strictSame(cli.read('46xxsettings.txt'), Buffer.from('## grr\xfc\n', 'latin1'));
  t.match(
    files.list().map(({ name, sizeBytes }) => [name, sizeBytes]),
    [
      ['46xxsettings.txt', 8],
      ['c81fea83e85a.txt', TEXT.length],
    ],
  );

  cli.delete('46xxsettings.txt');
  t.equal((await ask('46xxsettings.txt'))?.origin, 'generated');
  t.throws(() => cli.delete('46xxsettings.txt'), { code: 'PHONES_FILE_NOT_FOUND' });
  t.throws(() => cli.read('46xxsettings.txt'), { code: 'PHONES_FILE_NOT_FOUND' });
  t.strictSame(lines, []);
});

t.test('each kind of file has its type', async (t) => {
  const { files } = setUp(t);
  for (const [name, content, type] of [
    ['WebRootCA.pem', CERTIFICATE, 'application/x-pem-file'],
    ['c81fea83e85a.xml', Buffer.from('<a/>\n'), 'text/xml; charset=us-ascii'],
    ['c81fea83e85a.cfg', Buffer.from('a=1\n'), 'text/plain; charset=us-ascii'],
    ['c81fea83e85a.txt', Buffer.from('## grün\n'), 'text/plain; charset=utf-8'],
  ] as const) {
    files.write(name, content);
    t.equal(files.get(name)?.contentType, type, name);
  }
});

t.test('what was put there by hand and no phone could read is told once and not served', async (t) => {
  const { data, folder, files, lines } = setUp(t);
  mkdirSync(folder);
  writeFileSync(join(data, 'secret'), 'a secret\n');
  symlinkSync('../secret', join(folder, '46xxsettings.txt'));
  symlinkSync('/dev/zero', join(folder, '46xxupgrade.txt'));
  mkdirSync(join(folder, 'c81fea83e85a.txt'));
  writeFileSync(join(folder, '46xxspecials.txt'), 'a\0b');
  writeFileSync(join(folder, 'J100Supgrade.txt'), Buffer.alloc(10 * 1_048_576, 'x'));
  t.equal(spawnSync('mkfifo', [join(folder, 'K1xxSupgrade.txt')]).status, 0);
  const names = readdirSync(folder);
  t.equal(names.length, 6);
  for (const name of [...names, ...names]) t.equal(files.get(name), undefined, name);
  t.equal(lines.length, names.length, 'one line each');
  t.match(lines[0], { level: 40, msg: 'an uploaded file cannot be served' });
  t.throws(() => files.read('46xxsettings.txt'), { code: 'PHONES_FILE_UNREADABLE' });
  t.strictSame(
    files.list().map(({ name }) => name),
    ['46xxspecials.txt', 'J100Supgrade.txt'],
  );
  files.write('46xxsettings.txt', TEXT);
  t.strictSame(files.get('46xxsettings.txt')?.body, TEXT, 'an upload takes the place of a link');
  t.equal(readFileSync(join(data, 'secret'), 'utf8'), 'a secret\n', 'and does not write through it');
});

t.test('a folder that is a link is none', async (t) => {
  const { data, folder, files } = setUp(t);
  mkdirSync(join(data, 'elsewhere'));
  writeFileSync(join(data, 'elsewhere', '46xxsettings.txt'), TEXT);
  symlinkSync('elsewhere', folder);
  t.equal(files.get('46xxsettings.txt'), undefined);
  t.strictSame(files.list(), []);
  t.throws(() => files.write('46xxsettings.txt', TEXT), { code: 'PHONES_FILE_NOT_WRITABLE' });
  t.throws(() => files.delete('46xxsettings.txt'), { code: 'PHONES_FILE_NOT_FOUND' });
});

t.test('there is room for so many files and no more', async (t) => {
  const { files, folder } = setUp(t);
  const nameOf = (index: number): string => `${index.toString(16).padStart(12, '0')}.txt`;
  files.write(nameOf(0), TEXT);
  for (let index = 1; index < 600; index += 1) writeFileSync(join(folder, nameOf(index)), TEXT);
  t.throws(() => files.write(nameOf(600), TEXT), { code: 'PHONES_FILES_FULL' });
  files.write(nameOf(599), Buffer.from('## in the place of another\n'));
  for (let index = 0; index < 600; index += 1) if (files.get(nameOf(index)) === undefined) t.fail(nameOf(index));
  for (let index = 0; index < 15; index += 1) files.write(nameOf(index), Buffer.alloc(1_048_576, 'x'));
  t.throws(() => files.write(nameOf(15), Buffer.alloc(1_048_576, 'x')), { code: 'PHONES_FILES_FULL' });
});

t.test('the same size and time are no proof of the same file', async (t) => {
  const { files, folder } = setUp(t);
  files.write('46xxsettings.txt', Buffer.from('SET X 1\n'));
  const path = join(folder, '46xxsettings.txt');
  const { atime, mtime } = statSync(path);
  t.equal(files.get('46xxsettings.txt')?.body.toString(), 'SET X 1\n');
  writeFileSync(path, 'SET X 2\n');
  utimesSync(path, atime, mtime);
  t.equal(files.get('46xxsettings.txt')?.body.toString(), 'SET X 2\n');
});

t.test('a folder that cannot be looked into leaves the generated files', async (t) => {
  const { files, folder, lines } = setUp(t);
  // For every user, root too.
  symlinkSync('phone-files', folder);
  t.equal(files.get('46xxsettings.txt'), undefined);
  t.equal(files.get('46xxsettings.txt'), undefined);
  t.match(lines, [{ level: 40, msg: 'uploaded files cannot be served' }]);
  t.equal(lines.length, 1);
});

t.test('warnings tell what phones trip on', async (t) => {
  const warned = (name: string, text: string) =>
    staticFileWarnings(name, Buffer.from(text, 'latin1')).map(({ line, text: warning }) => `${line} ${warning}`);
  t.match(warned('46xxspecials.txt', 'SET X 1\nSET SIGNALING_ADDR_MODE 6\nSET MEDIA_ADDR_MODE 46\n'), [
    /^2 "SIGNALING_ADDR_MODE" is not for this file/,
    /^3 "MEDIA_ADDR_MODE" is not for this file/,
  ]);
  t.strictSame(warned('46xxsettings.txt', 'SET SIGNALING_ADDR_MODE 6\n'), []);
  t.match(warned('c81fea83e85a.txt', 'SET FORCE_SIP_PASSWORD 1234\nSET SIPPASSWORD " "\n'), [
    /^1 "FORCE_SIP_PASSWORD" looks like a secret/,
  ]);
  t.equal(warned('46xxspecials.txt', 'SET\nSET X\nGOTO NOWHERE\n').length > 0, true);
  t.equal(warned('46xxspecials.txt', '# A\nGOTO A\n').length > 0, true, 'a loop');
  t.strictSame(warned('c81fea83e85a.xml', 'SET\nGOTO X\n'), [], 'not of this language');
  t.ok(Array.isArray(warned('46xxspecials.txt', `# A\n${'GOTO A\n'.repeat(100_000)}`)));
  t.ok(Array.isArray(warned('46xxspecials.txt', '\xff\xfe\x80 SET \xff\n'.repeat(1000))));
});

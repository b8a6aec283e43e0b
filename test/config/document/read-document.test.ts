import t from 'tap';
import { readDocument, withLines } from '../../../firmware/config/document/read-document.ts';
import { parsePath } from '../../../firmware/config/path.ts';
import { InvalidConfigurationError, type Issue } from '../../../firmware/config/validation/issue.ts';
import { validate } from '../../../firmware/config/validation/validate.ts';

const MIB = 1024 * 1024;

async function failure(text: string): Promise<unknown> {
  try {
    await readDocument(text, 'box.yaml');
  } catch (error) {
    return error;
  }
  throw new Error('it was read');
}

async function issuesOf(text: string): Promise<readonly Issue[]> {
  const error = await failure(text);
  if (error instanceof InvalidConfigurationError) return error.issues;
  throw error;
}

t.test('values become what the schema wants', async (t) => {
  for (const [line, expected] of [
    ['users: {201: {name: Anna}}', { users: { '201': { name: 'Anna' } } }],
    ['users: {0123: {name: 0123}}', { users: { '0123': { name: '0123' } } }],
    ['extensions: {201: {user: 201, codecs: []}}', { extensions: { '201': { user: '201', codecs: [] } } }],
    [
      'shortCodes: {0x1F: {}, 1e3: {telephoneNumber: 007}}',
      { shortCodes: { '0x1F': {}, '1e3': { telephoneNumber: '007' } } },
    ],
    ['system: {name: yes, timeZone: 12:30}', { system: { name: 'yes', timeZone: '12:30' } }],
    ['system: {name: ~, timeZone: null, locale: }', { system: { name: null, timeZone: null, locale: null } }],
    ['system: {name: "null", locale: "~"}', { system: { name: 'null', locale: '~' } }],
    ['backup: 1\nusers:', { backup: '1', users: {} }],
    ['users: {201: , 202: {contact: }}', { users: { '201': {}, '202': { contact: {} } } }],
    ['system: {backupsKept: 20, push: {apple: True}}', { system: { backupsKept: 20, push: { apple: true } } }],
    ['system: {backupsKept: "20"}', { system: { backupsKept: '20' } }],
    ['system: {backupsKept: 020}', { system: { backupsKept: '020' } }],
    ['system: {backupsKept: 1e1}', { system: { backupsKept: '1e1' } }],
    ['system: {push: {apple: yes}}', { system: { push: { apple: 'yes' } } }],
    ['noUser: {sourceNumbers: [1, true, null]}', { noUser: { sourceNumbers: ['1', 'true', null] } }],
    ['{"users": {"201": {"name": "\\u0041"}}, "system": {"backupsKept": 3}}', undefined],
  ] as const) {
    const text = expected === undefined ? `{"format": 1, ${line.slice(1)}` : `format: 1\n${line}\n`;
    const { candidate } = await readDocument(text);
    t.strictSame(candidate, expected ?? { users: { '201': { name: 'A' } }, system: { backupsKept: 3 } }, line);
  }
});

t.test('a byte order mark, comments, line ends of Windows and --- are fine', async (t) => {
  const { candidate, secrets } = await readDocument(
    '\ufeff# by hand\r\n---\r\nformat: 1 # one\r\nsystem:\r\n  name: Acme\r\nsecrets: |\r\n  QUJD\r\n  REVG\r\n',
  );
  t.strictSame(candidate, { system: { name: 'Acme' } });
  t.equal(secrets, 'QUJD\nREVG\n');
  t.equal((await readDocument('format: 1\n')).secrets, undefined);
});

t.test('every problem is told with its line', async (t) => {
  const document = await readDocument(
    'format: 1\nsystem:\n  telephony:\n    noAnswerSeconds: 5\n  nmae: x\nusers:\n  201:\n    fullName: A\n  2x1: {}\n',
    'box.yaml',
  );
  for (const [path, line] of [
    ['system.telephony.noAnswerSeconds', 4],
    ['system.nmae', 5],
    ['users.201', 7],
    ['users.201.name', 7],
    ['users', 6],
    ['huntGroups.300', undefined],
  ] as const) {
    t.equal(document.lineOf(parsePath(path)), line, path);
  }
  try {
    validate(document.candidate);
    t.fail('it is wrong');
  } catch (error) {
    const located = withLines(error, document);
    t.match(located, { code: 'CONFIG_INVALID', issues: [{ line: 4 }, { line: 5 }, { line: 6 }, { line: 7 }] });
    t.match(String(located), /\n {2}box\.yaml:4: system\.telephony\.noAnswerSeconds \(5\) must be/);
    t.match(String(located), /\n {2}box\.yaml:7: users\.201\.name is missing/);
  }
  const other = new Error('other');
  t.equal(withLines(other, document), other);
  t.equal((await readDocument('format: 1\nhuntGroups:\n- a\n- b\n')).lineOf(['huntGroups', '1']), 4);
});

t.test('what cannot be in a file', async (t) => {
  for (const [text, expected] of [
    [
      'users:\n  201:\n    name: a\n  "201":\n    name: b\n',
      { path: ['users', '201'], line: 3, problem: /twice, again in line 5/ },
    ],
    ['system: {}\nsystem: {}\n', { path: ['system'], line: 2, problem: /twice, again in line 3/ }],
    [
      'extensions:\n  201:\n    password: hunter2hunter2\n',
      { path: ['extensions', '201', 'password'], line: 4, shown: '' },
    ],
    ['extensions:\n  201:\n    password:\n', { path: ['extensions', '201', 'password'], problem: /is a secret/ }],
    ['users:\n  ? [a]\n  : b\n', { path: ['users'], problem: /name that is a list/ }],
    ['secrets: [a]\n', { path: ['secrets'], line: 2 }],
    [`users:\n  201: ${'[a, '.repeat(31)}${']'.repeat(31)}\n`, undefined],
  ] as const) {
    if (expected !== undefined) t.match(await issuesOf(`format: 1\n${text}`), [expected], text);
  }
  const deep = Array.from({ length: 40 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n');
  t.match(await issuesOf(`format: 1\n${deep}\n`), [{ problem: 'is nested too deeply' }]);
  t.notMatch(await failure('format: 1\nextensions: {201: {password: hunter2hunter2}}\n'), /hunter2/);
});

t.test('what the file sets in vain is told once a field', async (t) => {
  const { issues } = await readDocument(
    'format: 1\nsystem:\n  cloud: {profileName: Office}\nusers:\n  201: {name: A, priority: 3}\n  202: {name: B, priority: 4}\n',
  );
  t.match(issues, [
    { severity: 'warning', path: ['system', 'cloud', 'profileName'], line: 3 },
    { severity: 'warning', path: ['users', '201', 'priority'], line: 5 },
  ]);
  t.equal(issues.length, 2);
});

t.test('formats', async (t) => {
  for (const [text, code] of [
    ['', 'CONFIG_DOCUMENT_FORMAT'],
    ['# nothing\n', 'CONFIG_DOCUMENT_FORMAT'],
    ['system: {}\n', 'CONFIG_DOCUMENT_FORMAT'],
    ['format: x\n', 'CONFIG_DOCUMENT_FORMAT'],
    ['format: -1\n', 'CONFIG_DOCUMENT_FORMAT'],
    ['format: [1]\n', 'CONFIG_DOCUMENT_FORMAT'],
    ['format: 2\nwhat: {is: this}\n', 'CONFIG_DOCUMENT_NEWER'],
    ['hello\n', 'CONFIG_DOCUMENT_EMPTY'],
    ['- format: 1\n', 'CONFIG_DOCUMENT_EMPTY'],
  ] as const) {
    t.match(await failure(text), { code, cure: /./ }, text);
  }
  t.match(await failure('format: 2\n'), {
    message: 'box.yaml has format 2 and was made by a newer program; this one reads format 1',
  });
});

t.test('mistakes in the syntax have line and column', async (t) => {
  for (const [text, where] of [
    ['format: 1\nsystem:\n  name: "open\n', 'box.yaml:4:1'],
    ['format: 1\nsystem:\n\tname: a\n', 'box.yaml:3:1'],
    ['format: 1\nsystem:\n  name: a: b\n', 'box.yaml:3:9'],
    ['format: 1\nsystem: {name: a\n', 'box.yaml:3:1'],
    ['format: 1\n---\nformat: 1\n', 'box.yaml:2:1'],
    ['format: 1\nsystem:\n  name: "\\q"\n', 'box.yaml:3:10'],
  ] as const) {
    const error = await failure(text);
    t.match(error, { code: 'CONFIG_DOCUMENT_SYNTAX' }, text);
    t.ok(String(error).includes(`\n  ${where}: `), `${where} in ${error}`);
  }
  t.equal(String(await failure(`format: 1\n${']\n'.repeat(500)}`)).split('box.yaml:').length, 21, 'twenty are enough');
});

t.test('hostile files are refused before anything is built of them', async (t) => {
  const lols = Array.from({ length: 9 }, (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n},`.repeat(9)}]\n`).join('');
  for (const [name, text, code] of [
    ['billion laughs', `l0: &l0 lol\n${lols}`, 'CONFIG_DOCUMENT_REFUSED'],
    ['an alias', 'format: 1\nsystem: *x\n', 'CONFIG_DOCUMENT_REFUSED'],
    ['a merge key', 'format: 1\nsystem: {<<: *x}\n', 'CONFIG_DOCUMENT_REFUSED'],
    ['js/function', 'format: !!js/function "function(){}"\n', 'CONFIG_DOCUMENT_REFUSED'],
    ['python/object', 'format: 1\nsystem: !!python/object/apply:os.system [id]\n', 'CONFIG_DOCUMENT_REFUSED'],
    ['!!binary', 'format: 1\nsystem: {name: !!binary aGVsbG8=}\n', 'CONFIG_DOCUMENT_REFUSED'],
    ['!!str', 'format: 1\nsystem: {name: !!str 1}\n', 'CONFIG_DOCUMENT_REFUSED'],
    ['!', 'format: 1\nsystem: {name: ! 1}\n', 'CONFIG_DOCUMENT_REFUSED'],
    ['a directive', '%YAML 1.1\n---\nformat: 1\n', 'CONFIG_DOCUMENT_REFUSED'],
    ['NUL', 'format: 1\nsystem: {name: a\0b}\n', 'CONFIG_DOCUMENT_NOT_TEXT'],
    ['escape', 'format: 1\nsystem: {name: "\x1b[31m"}\n', 'CONFIG_DOCUMENT_NOT_TEXT'],
    ['10 MB', `format: 1\n# ${'x'.repeat(10 * MIB)}\n`, 'CONFIG_DOCUMENT_TOO_LONG'],
    ['4 MiB of brackets', '['.repeat(4 * MIB), 'CONFIG_DOCUMENT_REFUSED'],
    ['4 MiB of closing brackets', ']'.repeat(4 * MIB), 'CONFIG_DOCUMENT_TOO_LONG'],
    ['4 MiB of bad escapes', `format: "${'\\q'.repeat(2 * MIB)}"`, 'CONFIG_DOCUMENT_TOO_LONG'],
    ['4 MiB of lists in lists', '- '.repeat(2 * MIB), 'CONFIG_DOCUMENT_TOO_LONG'],
    ['maps in maps', Array.from({ length: 1500 }, (_, n) => `${' '.repeat(n)}a:`).join('\n'), 'CONFIG_DOCUMENT_SYNTAX'],
  ] as const) {
    const error = await failure(text);
    t.match(error, { code, cure: /./ }, name);
    t.ok(String(error).length < 5000, `${name}: a short answer`);
    t.notMatch(String(error), /\p{Cc}(?<!\n)/u, `${name}: nothing for the terminal`);
  }
  t.match(await failure('format: 1\nsystem:\n  name: !x y\n'), { message: /^box\.yaml:3: a tag/ });
  t.match(await failure('format: 1\nsystem:\n  name: a\0\n'), { message: /^box\.yaml:3: / });
});

t.test('__proto__ is a name like any other, and no field', async (t) => {
  const { candidate } = await readDocument(
    'format: 1\n__proto__: {polluted: 1}\nsystem: {__proto__: {polluted: 1}, constructor: {prototype: {polluted: 1}}}\nusers: {__proto__: {name: x}}\n',
  );
  t.equal(Reflect.get({}, 'polluted'), undefined);
  t.ok(Object.hasOwn(Object(candidate), '__proto__'));
  t.equal(Object.getPrototypeOf(candidate), Object.prototype);
  t.throws(() => validate(candidate), { code: 'CONFIG_INVALID' });
  t.equal(Reflect.get({}, 'polluted'), undefined);
});

t.test('a hundred thousand keys are read in one go', async (t) => {
  const text = `format: 1\ndirectory:\n${Array.from({ length: 100_000 }, (_, n) => `  k${n}: {}\n`).join('')}`;
  const { candidate, lineOf } = await readDocument(text);
  t.equal(lineOf(['directory', 'k99999']), 100_002);
  t.throws(() => validate(candidate), { code: 'CONFIG_INVALID', message: /at most 2500 items, and has 100000/ });
});

import t from 'tap';
import { digestOf } from '../../firmware/config/extension.ts';
import type { Configuration } from '../../firmware/config/schema/configuration.ts';
import { digestSecrets } from '../../firmware/config/secrets/sip-password.ts';
import type { RowError, UserRow } from '../../firmware/config/user-rows.ts';
import { applyUsers, previewUsers, type UsersCsvOptions } from '../../firmware/config/users-csv.ts';
import { validate } from '../../firmware/config/validation/validate.ts';

const REALM = 'ringdown';
const secrets = {
  realm: REALM,
  boxKey: () => {
    throw new Error('no secret here needs the key of the box');
  },
};

const { configuration: office } = validate({
  users: {
    '201': { name: 'Anna Berg', fullName: 'Anna Berg', email: 'anna@example.com', contact: { city: 'Oslo' } },
    '202': { name: 'Bob', email: 'bob@example.com', locale: 'en-GB' },
    '205': { name: 'No device' },
  },
  extensions: { '201': { user: '201' }, '202': { user: '202' }, '260': { user: '202' }, '261': {} },
  huntGroups: { '300': { name: 'Sales', members: [{ user: '201' }] } },
});

type Options = Omit<UsersCsvOptions, 'secrets'>;

async function preview(text: string, options: Options = {}, configuration = office): Promise<readonly UserRow[]> {
  return (await previewUsers(configuration, text, { ...options, secrets })).rows;
}

async function imported(text: string, options: Options = {}, configuration = office): Promise<Configuration> {
  const rows = await previewUsers(configuration, text, { ...options, secrets });
  return validate(applyUsers(configuration, rows), configuration).configuration;
}

/** As `line fate number`. */
function fates(rows: readonly UserRow[]): readonly string[] {
  return rows.map(({ line, fate, number }) => `${line} ${fate} ${number}`.trim());
}

async function onlyError(text: string, options: Options = {}): Promise<RowError> {
  const errors = (await preview(text, options)).filter((row) => row.fate === 'error');
  const [error] = errors;
  if (error === undefined || errors.length > 1) throw new Error(`${errors.length} errors`);
  return error;
}

t.test('a new user gets number, extension and a password that is told once', async (t) => {
  const text =
    'email,firstname,lastname,middlename,workphone,homephone,cellphone,language,address,city,region,postal,country,extension,profile,class\n' +
    'carl@example.com,Carl,Dahl,Emil,+47 22 11,22 12,22 13,en-UK,"Main street 1, 2nd floor",Oslo,East,0150,Norway,0203,Basic,Desktop\n';
  const rows = await previewUsers(office, text, { secrets });
  const [row] = rows.rows;
  t.match(row, { fate: 'create', line: 2, number: '0203', name: 'Carl Emil Dahl', password: /^[a-z2-9]{16}$/ });
  const { configuration } = validate(applyUsers(office, rows), office);
  t.match(configuration.users['0203'], {
    name: 'Carl Emil Dahl',
    fullName: 'Carl Emil Dahl',
    email: 'carl@example.com',
    locale: 'en-GB',
    profile: 'basic',
    contact: {
      workPhone: '+47 22 11',
      homePhone: '22 12',
      cellPhone: '22 13',
      address: 'Main street 1, 2nd floor',
      city: 'Oslo',
      region: 'East',
      postalCode: '0150',
      country: 'Norway',
    },
  });
  t.match(configuration.extensions['0203'], { user: '0203', class: 'desktop' });
  if (row?.fate === 'create') {
    t.same(digestOf(configuration, '0203'), digestSecrets('0203', REALM, row.password));
    t.notOk(JSON.stringify(configuration).includes(row.password));
  }
  t.same(fates(await preview(text, {}, configuration)), ['2 unchanged 0203'], 'the same file again changes nothing');
});

t.test('the examples of the seeds', async (t) => {
  const minimal = 'email\nuser1@example.com\nuser2@example.com\n';
  const users = (await imported(minimal, { firstExtension: '201' })).users;
  t.match(users, { '203': { name: 'user1', email: 'user1@example.com' }, '204': { name: 'user2' } });
  const complex =
    'email, firstname, lastname, workphone\nuser1@example.com, teressa, green, 123456\nuser2@example.com, bob, white, 654321\n';
  const after = await imported(complex, { firstExtension: '400' });
  t.match(after.users['400'], { name: 'teressa green', contact: { workPhone: '123456' } });
  t.match(after.users['401'], { name: 'bob white', contact: { workPhone: '654321' } });
  t.notOk(Object.hasOwn(after.users, '123456'), 'a work phone is no extension');
});

t.test('who is there already is found by the extension, else by the address', async (t) => {
  const text = `\ufefflastname,EXTENSION,Email,city,class
Berg,,ANNA@example.com,Bergen,
,202,,,mobile
,201,,,
,,bob@example.com,,
`;
  const rows = await preview(text);
  t.same(fates(rows), ['2 update 201', '3 update 202', '4 error 201', '5 error']);
  t.match(rows[2], { column: 'extension', problem: 'names user 201, as line 2 does' });
  t.match(rows[3], { column: 'extension', problem: 'names user 202, as line 3 does' });
  const { users, extensions } = await imported(
    'extension,email,city,class\n201,,Bergen,\n202,new@example.com,,mobile\n',
  );
  t.match(users['201'], { name: 'Anna Berg', email: 'anna@example.com', contact: { city: 'Bergen' } });
  t.match(users['202'], { email: 'new@example.com', locale: 'en-GB' });
  t.match(extensions['202'], { class: 'mobile' });
  t.same(fates(await preview('extension,city\n201,Oslo\n201,\n')), ['2 unchanged 201', '3 error 201']);
  t.equal(
    (await imported('extension,firstname,lastname\n201,Anna,Dahl\n')).users['201']?.name,
    'Anna Berg',
    'names stay',
  );
});

t.test('numbers that are given skip those that are taken, asked for and for emergencies', async (t) => {
  const text = 'email,extension\na@x.org,\nb@x.org,\nc@x.org,204\nd@x.org,\n';
  t.same(fates(await preview(text, { firstExtension: '200' })), [
    '2 create 200',
    '3 create 203',
    '4 create 204',
    '5 create 206',
  ]);
  t.same(fates(await preview('email\na@x.org\nb@x.org\n', { firstExtension: '111' })), [
    '2 create 111',
    '3 create 113',
  ]);
  t.same(fates(await preview('email\na@x.org\nb@x.org\n', { firstExtension: '099' })), [
    '2 create 099',
    '3 create 100',
  ]);
  t.same(fates(await preview('email\na@x.org\nb@x.org\n', { firstExtension: '260' })), [
    '2 create 262',
    '3 create 263',
  ]);
  t.same(fates(await preview('email\na@x.org\nb@x.org\n', { firstExtension: '999999999999999' })), [
    '2 create 999999999999999',
    '3 error',
  ]);
  await t.rejects(preview('email\na@x.org\n', { firstExtension: '1' }), { code: 'CONFIG_CSV_OPTION' });
});

t.test('names are made once each', async (t) => {
  const text = 'firstname,extension,name\nBob,401,\nBOB,402,\nSales,403,\nEve,404,\n,405,Eve\n,406,\n';
  const { users } = await imported(text);
  t.match(users, {
    '401': { name: 'Bob 401', fullName: 'Bob' },
    '402': { name: 'BOB 402' },
    '403': { name: 'Sales 403' },
    '404': { name: 'Eve 404' },
    '405': { name: 'Eve', fullName: '' },
    '406': { name: '406' },
  });
  const long = 'x'.repeat(64);
  const names = (await imported(`firstname,extension\n${long},401\n${long},402\n`)).users;
  t.equal(names['402']?.name, `${'x'.repeat(60)} 402`);
});

t.test('profiles', async (t) => {
  const { users } = await imported('extension,profile\n401,\n402,mobile\n201,\n', { profile: 'basic' });
  t.match(users, { '401': { profile: 'basic' }, '402': { profile: 'mobile' }, '201': { profile: 'power' } });
});

t.test('a row that is wrong says where and why', async (t) => {
  for (const [text, expected] of [
    ['email\nnew@example.com', { column: 'extension', value: '', problem: /missing/, cure: /--first-extension/ }],
    ['email,extension\nx y,401', { column: 'email', value: '"x y"', problem: 'must be an e-mail address' }],
    ['extension\n2', { column: 'extension', value: '"2"', problem: /2 to 15 digits/, number: '' }],
    ['extension\n20x', { column: 'extension', problem: /2 to 15 digits/ }],
    ['extension\n+4922', { column: 'extension', problem: /2 to 15 digits/, cure: /workphone/ }],
    ['extension\n112', { column: 'extension', problem: /emergency/ }],
    ['extension\n999', { column: 'extension', problem: /emergency/ }],
    ['extension\n300', { column: 'extension', problem: /hunt group/ }],
    ['extension\n260', { column: 'extension', problem: /belongs to user 202/ }],
    ['extension\n261', { column: 'extension', problem: /belongs to nobody/ }],
    ['extension,email\n401,ANNA@example.com', { column: 'email', problem: 'is the address of user 201' }],
    ['extension,email\n202,anna@example.com', { column: 'email', problem: 'is the address of user 201' }],
    ['extension,language\n401,English', { column: 'language', value: '"English"', problem: /a language and a region/ }],
    ['extension,profile\n401,boss', { column: 'profile', problem: /one of non-licensed/ }],
    ['extension,class\n401,fridge', { column: 'class', problem: /one of any/ }],
    ['extension,class\n205,desk', { column: 'class', problem: /not there/ }],
    [`extension,city\n401,${'x'.repeat(65)}`, { column: 'city', value: `"${'x'.repeat(40)}…"` }],
    [`extension,firstname,lastname\n401,${'x'.repeat(32)},${'y'.repeat(32)}`, { column: 'firstname', problem: /64/ }],
    ['extension,city\n401,"two\nlines"', { column: 'city', line: 2, value: '"two?lines"' }],
    ['extension,city\n401,"a\x1b[31mb"', { column: 'city', value: '"a?[31mb"' }],
    ['extension,name\n401,sales', { column: 'name', problem: 'is the name of 300 too' }],
    ['extension,name\n202,Anna Berg', { column: 'name', problem: 'is the name of 201 too' }],
    ['extension,city\n401', { column: undefined, problem: 'has 1 values where the first line names 2 columns' }],
    ['extension,city\n401,a,b', { column: undefined, problem: 'has 3 values where the first line names 2 columns' }],
    ['extension\n401\n402\n401', { line: 4, column: 'extension', problem: 'stands in line 2 too' }],
    ['email,extension\na@x.org,401\nA@x.org,402', { line: 3, column: 'email', problem: 'stands in line 2 too' }],
    ['extension,name\n401,Zoe\n402,ZOE', { line: 3, column: 'name', problem: 'is the name of 401 too' }],
  ] as const) {
    t.match(await onlyError(text), { ...expected, cure: expected.column === undefined ? /./ : /\w/ }, text);
  }
});

t.test('all or nothing, unless the good rows are wanted alone', async (t) => {
  const rows = await previewUsers(office, 'extension,city\n401,Oslo\n1,Oslo\n201,Bergen\n', { secrets });
  t.same(fates(rows.rows), ['2 create 401', '3 error', '4 update 201']);
  t.throws(() => applyUsers(office, rows), {
    code: 'CONFIG_USERS_INVALID',
    message: '1 of 3 rows cannot be imported. Nothing was changed',
  });
  const { configuration } = validate(applyUsers(office, rows, { skipErrors: true }), office);
  t.match(configuration.users, { '401': { contact: { city: 'Oslo' } }, '201': { contact: { city: 'Bergen' } } });
});

t.test('what is wrong only beside everything else is told at its row', async (t) => {
  const { configuration } = validate({ system: { licensing: 'subscription' }, licences: { telephony: { count: 2 } } });
  const text = 'extension,profile\n401,telephony\n402,telephony\n403,telephony\n404,basic\n';
  const rows = await preview(text, {}, configuration);
  t.same(fates(rows), ['2 create 401', '3 create 402', '4 error 403', '5 error 404']);
  t.match(rows[2], { column: 'profile', value: '"telephony"', problem: /one more than the 2/ });
  t.match(rows[3], { column: 'profile', problem: /is no profile of licensing subscription/ });
});

t.test('a licence that a new row takes from somebody is told at that row', async (t) => {
  const { configuration } = validate({
    system: { licensing: 'subscription' },
    licences: { telephony: { count: 2 }, 'telephony-plus': { count: 1 } },
    users: { '501': { name: 'Old', profile: 'telephony' }, '502': { name: 'Older', profile: 'telephony-plus' } },
  });
  const text =
    'extension,profile,city\n501,,Oslo\n401,telephony,\n402,telephony,\n502,telephony,\n403,telephony-plus,\n';
  const rows = await previewUsers(configuration, text, { secrets });
  t.same(fates(rows.rows), ['2 update 501', '3 create 401', '4 error 402', '5 error 502', '6 error 403']);
  for (const row of rows.rows.slice(2)) t.match(row, { column: 'profile', problem: /is one more than the [12]/ });
  const after = validate(applyUsers(configuration, rows, { skipErrors: true }), configuration).configuration;
  t.strictSame(Object.keys(after.users), ['401', '501', '502']);
  t.equal(after.users['501']?.contact.city, 'Oslo');
});

t.test('whatever else a row makes wrong is told at that row too', async (t) => {
  const { configuration } = validate({
    system: { licensing: 'subscription' },
    licences: { telephony: { count: 2 }, 'unified-communications': { count: 2 } },
    users: { '201': { name: 'Mobile', profile: 'unified-communications', clients: { mobile: true } } },
  });
  const text = 'extension,profile\n401,telephony\n201,telephony\n';
  const rows = await preview(text, {}, configuration);
  t.same(fates(rows), ['2 create 401', '3 error 201']);
  t.match(rows[1], { problem: /users\.201\.clients\.mobile wrong, which is not allowed by the profile telephony/ });
});

t.test('half a name cuts nobody’s', async (t) => {
  const text = 'extension,firstname,lastname\n201,Anna,\n202,,Dahl\n401,Carl,\n';
  t.same(fates(await preview(text)), ['2 unchanged 201', '3 unchanged 202', '4 create 401']);
  const { users } = await imported('extension,firstname,lastname\n201,Anna,Dahl\n401,Carl,\n');
  t.match(users, { '201': { fullName: 'Anna Dahl' }, '401': { fullName: 'Carl' } });
});

t.test('a box takes 384 users', async (t) => {
  const text = `extension\n${Array.from({ length: 390 }, (_, index) => `${4000 + index}\n`).join('')}`;
  const rows = await preview(text);
  t.equal(rows.filter(({ fate }) => fate === 'create').length, 380, 'there are 4 extensions');
  t.match(rows.at(-1), { fate: 'error', problem: /more than the box takes/ });
});

t.test('files of every kind', async (t) => {
  for (const [name, text, options] of [
    ['semicolons', 'extension;city\n401;Oslo\n', { separator: ';' }],
    ['tabs', 'extension\tcity\n401\tOslo\n', { separator: '\t' }],
    ['single quotes', "extension,city\n401,'Oslo'\n", { quote: "'" }],
    ['line ends of Windows', 'extension,city\r\n401,Oslo\r\n', {}],
    ['line ends of old', 'extension,city\r401,Oslo\r', {}],
    ['no line end', 'extension,city\n401,Oslo', {}],
    ['blanks', ' extension , city \n  401 ,  Oslo  \n', {}],
    ['quoted blanks', '"extension", "city"\n"401", "  Oslo "\n', {}],
    ['empty lines', '\n\nextension,city\n\n401,Oslo\n,\n\n', {}],
    ['separators at the end', 'extension,city\n401,Oslo,,,\n', {}],
    ['a byte order mark', '\ufeffextension,city\n401,Oslo\n', {}],
  ] as const) {
    t.equal((await imported(text, options)).users['401']?.contact.city, 'Oslo', name);
  }
  t.match((await imported('extension,city\n401,"O""s, l"\n')).users['401'], { contact: { city: 'O"s, l' } });
  t.match((await imported('extension,city\n401,Os"lo\n', { quote: '' })).users['401'], { contact: { city: 'Os"lo' } });
  t.same(await preview('email\n'), [], 'a header alone');
  t.same(
    (await preview('extension,city\n401,"a\nb"\n\n402,"x"\n')).map(({ line }) => line),
    [2, 5],
    'lines of the file, not rows',
  );
});

t.test('cells that a spreadsheet would run are text here', async (t) => {
  for (const cell of ['=HYPERLINK("http://x","y")', '@SUM(1+1)', '+1+1|cmd', "-2+3+cmd|' /C calc'!A0"]) {
    const text = `extension,city\n401,"${cell.replaceAll('"', '""')}"\n`;
    t.equal((await imported(text)).users['401']?.contact.city, cell, cell);
  }
});

t.test('files that are none', async (t) => {
  const rows = Array.from({ length: 100_000 }, (_, index) => `${10_000 + index}\n`).join('');
  for (const [name, text, code, options] of [
    ['nothing', '', 'CONFIG_CSV_COLUMNS', {}],
    ['no key', 'city\nOslo\n', 'CONFIG_CSV_COLUMNS', {}],
    ['unknown columns', 'email,password\na@x.org,b\n', 'CONFIG_CSV_COLUMNS', {}],
    ['__proto__', 'email,__proto__\na@x.org,b\n', 'CONFIG_CSV_COLUMNS', {}],
    ['a column twice', 'email,Email\na@x.org,b\n', 'CONFIG_CSV_COLUMNS', {}],
    ['another separator', 'email;city\na@x.org;b\n', 'CONFIG_CSV_COLUMNS', {}],
    ['an open quote', 'extension,city\n401,"Oslo\n402,Bergen\n', 'CONFIG_CSV_INVALID', {}],
    ['a quote within', 'extension,city\n401,Os"lo\n', 'CONFIG_CSV_INVALID', {}],
    ['text behind a quote', 'extension,city\n401,"Os"lo\n', 'CONFIG_CSV_INVALID', {}],
    ['an open quote and much behind it', `extension,city\n401,"\n${rows}`, 'CONFIG_CSV_INVALID', {}],
    ['100000 rows', `extension\n${rows}`, 'CONFIG_CSV_TOO_LONG', {}],
    ['1001 rows', `extension\n${rows.slice(0, 6 * 1001)}`, 'CONFIG_CSV_TOO_LONG', {}],
    ['10 MB', 'x'.repeat(10_000_000), 'CONFIG_CSV_TOO_LONG', {}],
    ['a MB of one column', 'x'.repeat(1_000_000), 'CONFIG_CSV_INVALID', {}],
    ['a long separator', 'email\n', 'CONFIG_CSV_OPTION', { separator: '||' }],
    ['a letter', 'email\n', 'CONFIG_CSV_OPTION', { separator: 'x' }],
    ['a line end', 'email\n', 'CONFIG_CSV_OPTION', { separator: '\n' }],
    ['no separator', 'email\n', 'CONFIG_CSV_OPTION', { separator: '' }],
    ['quote and separator the same', 'email\n', 'CONFIG_CSV_OPTION', { quote: ',' }],
  ] as const) {
    await t.rejects(preview(text, options), { code, cure: /./ }, name);
  }
  await t.rejects(preview('email,<b>\x1b[1m\n'), { message: /there are not: "<b>\?\[1m"$/ });
  await t.rejects(preview('extension,city\n401,a\n402,"x'), { message: /^line 3: a quote opens/ });
});

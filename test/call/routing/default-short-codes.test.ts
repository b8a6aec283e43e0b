import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { defaultShortCodes, withLocale } from '../../../firmware/call/routing/default-short-codes.ts';
import { findCode, indexOf } from '../../../firmware/call/routing/short-code.ts';
import { ConfigurationStore } from '../../../firmware/config/configuration-store.ts';
import { openDatabase } from '../../../firmware/config/database.ts';
import { migrate, readMigrations } from '../../../firmware/config/migrations.ts';

const LOCALES =
  'de-AT en-AU nl-BE pt-BR en-CA de-CH zh-CN de-DE es-ES fr-FR en-GB zh-HK en-IE en-IN it-IT ja-JP es-MX en-NZ'
    .split(' ')
    .concat('pl-PL', 'en-SG', 'en-US', 'en-ZA', 'sv-SE');

/** The version whose migration brings the codes. */
const VERSION = Number(
  /^\d+/.exec(readMigrations().find(({ name }) => name.includes('default-short-codes'))?.name ?? ''),
);

/** A box as the program before left it, with what `sql` does, and then opened. */
function upgraded(directory: string, sql: string): ConfigurationStore {
  mkdirSync(directory);
  const file = join(directory, 'ringdown.db');
  const database = openDatabase(file, 'FULL');
  migrate(database, file, readMigrations().slice(0, VERSION - 1));
  database.exec(sql);
  database.close();
  return ConfigurationStore.open(directory);
}

t.test('a new box has the codes of its locale', async (t) => {
  const store = ConfigurationStore.open(t.testdir());
  t.strictSame(store.current.shortCodes, sorted(defaultShortCodes('en-GB')));
  store.close();
});

t.test('a box of before gets those of its own locale', async (t) => {
  const directory = t.testdir();
  for (const locale of LOCALES) {
    const store = upgraded(join(directory, locale), `UPDATE system SET locale = '${locale}'`);
    t.strictSame(store.current.shortCodes, sorted(defaultShortCodes(locale)), locale);
    store.edit({
      author: { who: 'x', origin: 'cli' },
      change: (c) => ({ ...c, system: { ...c.system, name: 'Edited' } }),
    });
    store.close();
  }
});

t.test('codes that are there stay as they are', async (t) => {
  const directory = t.testdir();
  const own =
    "INSERT INTO short_codes (code, feature, telephone_number) VALUES ('*17', 'speed-dial', '123'), ('0N', 'dial', 'N')";
  const store = upgraded(join(directory, 'own'), own);
  t.match(store.current.shortCodes, { '*17': { feature: 'speed-dial', telephoneNumber: '123' }, '*18': {}, '0N': {} });
  t.notOk('?' in store.current.shortCodes, 'whoever dials out has decided how');
  store.close();
  const many = Array.from({ length: 990 }, (_, index) => `('*${9000 + index}')`).join(', ');
  const full = upgraded(join(directory, 'full'), `INSERT INTO short_codes (code) VALUES ${many}`);
  t.equal(Object.keys(full.current.shortCodes).length, 990, 'none more than there is room for');
  full.close();
});

t.test('a change of the locale changes what nobody has changed', async (t) => {
  const british = defaultShortCodes('en-GB');
  t.strictSame(sorted(withLocale(british, 'en-GB', 'en-US')), sorted(defaultShortCodes('en-US')));
  t.strictSame(sorted(withLocale(defaultShortCodes('en-US'), 'en-US', 'en-GB')), sorted(british));
  const row = british['?'];
  if (row === undefined) throw new Error('no default');
  const { '*17': _gone, ...rest } = british;
  const changed = withLocale({ ...rest, '?': { ...row, lineGroup: '3' } }, 'en-GB', 'en-US');
  t.equal(changed['?']?.lineGroup, '3', 'a code that was changed stays');
  t.notOk('*17' in changed, 'one that was removed stays away');
  t.ok('9N' in changed);
  t.equal(withLocale(british, 'en-GB', 'en-GB'), british, 'nothing to do');
});

t.test('emergency numbers have codes, with and without the prefix to outside', async (t) => {
  const american = indexOf(defaultShortCodes('en-US'));
  for (const dialled of ['911', '9911', '112', '9112']) {
    t.match(
      findCode(american, dialled),
      { entry: { feature: 'dial-emergency', telephoneNumber: dialled.slice(-3) } },
      dialled,
    );
  }
  t.match(findCode(american, '92125550123'), { code: '9N', digits: '2125550123' });
});

function sorted(codes: ReturnType<typeof defaultShortCodes>): ReturnType<typeof defaultShortCodes> {
  return Object.fromEntries(Object.entries(codes).sort(([a], [b]) => order(a, b)));
}

/** As the store sorts keys: numbers by length, then everything by its characters. */
function order(a: string, b: string): number {
  const numbers = Number(/^\d+$/.test(b)) - Number(/^\d+$/.test(a));
  if (numbers !== 0) return numbers;
  if (/^\d+$/.test(a) && a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : 1;
}

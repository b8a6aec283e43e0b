import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { passwordFileIn } from '../../firmware/console/password-file.ts';

t.test('a password is set, kept as a hash only, and verified', async (t) => {
  const directory = t.testdir();
  const file = passwordFileIn(directory);
  t.equal(file.isSet(), false);
  t.equal(await file.verify('anything at all'), false);
  await file.set('correct horse');
  t.equal(file.isSet(), true);
  t.equal(await file.verify('correct horse'), true);
  t.equal(await file.verify('correct horsf'), false);
  t.equal(await file.verify(''), false);
  t.equal(await file.verify('x'.repeat(100_000)), false);
  t.notMatch(readFileSync(join(directory, 'password'), 'utf8'), /correct/);
  t.equal(statSync(join(directory, 'password')).mode & 0o777, 0o600);
});

t.test('the same password gives another hash each time', async (t) => {
  const directory = t.testdir();
  const file = passwordFileIn(directory);
  await file.set('correct horse');
  const first = readFileSync(join(directory, 'password'), 'utf8');
  await file.set('correct horse');
  t.not(readFileSync(join(directory, 'password'), 'utf8'), first);
});

t.test('the rule for passwords holds here too: what it refuses changes nothing', async (t) => {
  const file = passwordFileIn(t.testdir());
  for (const [password, code] of [
    ['12345678', 'CONFIG_PASSWORD_INVALID'],
    ['word'.repeat(33), 'CONFIG_PASSWORD_INVALID'],
    ['tab\tpassword', 'CONFIG_PASSWORD_INVALID'],
    ['123456789', 'CONFIG_PASSWORD_WEAK'],
    ['aaaaaaaaa', 'CONFIG_PASSWORD_WEAK'],
    ['admin1234', 'CONFIG_PASSWORD_WEAK'],
  ] as const) {
    await t.rejects(file.set(password), { code }, password);
  }
  t.equal(file.isSet(), false);
  await file.set('пароль из слов ♥');
  t.equal(await file.verify('пароль из слов ♥'), true, 'in any script');
});

t.test('a damaged file lets nobody in and is not taken for a first login', async (t) => {
  for (const content of ['', 'scrypt$1$2', 'plain', 'scrypt$16384$8$1$AAAA$AAAA']) {
    const directory = t.testdir();
    writeFileSync(join(directory, 'password'), content);
    t.throws(() => passwordFileIn(directory).isSet(), { code: 'CONSOLE_PASSWORD_UNREADABLE' }, JSON.stringify(content));
  }
});

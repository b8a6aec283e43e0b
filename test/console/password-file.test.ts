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

t.test('too short and too long passwords are refused and change nothing', async (t) => {
  const file = passwordFileIn(t.testdir());
  await t.rejects(file.set('12345678'), { code: 'CONSOLE_PASSWORD_WEAK' });
  await t.rejects(file.set('x'.repeat(129)), { code: 'CONSOLE_PASSWORD_WEAK' });
  t.equal(file.isSet(), false);
});

t.test('a damaged file lets nobody in and is not taken for a first login', async (t) => {
  for (const content of ['', 'scrypt$1$2', 'plain', 'scrypt$16384$8$1$AAAA$AAAA']) {
    const directory = t.testdir();
    writeFileSync(join(directory, 'password'), content);
    t.throws(() => passwordFileIn(directory).isSet(), { code: 'CONSOLE_PASSWORD_UNREADABLE' }, JSON.stringify(content));
  }
});

import { createDecipheriv, scryptSync } from 'node:crypto';
import t from 'tap';
import { ConfigurationStore } from '../../../firmware/config/configuration-store.ts';
import { secretsToCarry, secretsToKeep } from '../../../firmware/config/document/carried-secrets.ts';
import { replaceWithDocument } from '../../../firmware/config/document/combine.ts';
import { readDocument } from '../../../firmware/config/document/read-document.ts';
import { openSecrets, sealSecrets } from '../../../firmware/config/document/sealed-secrets.ts';
import { writeDocument } from '../../../firmware/config/document/write-document.ts';
import { digestOf } from '../../../firmware/config/extension.ts';
import { withValue } from '../../../firmware/config/path.ts';
import { BoxKey } from '../../../firmware/config/secrets/box-key.ts';
import { makeSecret, makeSipPassword } from '../../../firmware/config/secrets/make-secret.ts';
import { isPassword, readHashedPassword } from '../../../firmware/config/secrets/scrypt.ts';
import { digestSecrets } from '../../../firmware/config/secrets/sip-password.ts';

const PASSPHRASE = 'correct horse battery';
const SALT = Buffer.from('0123456789abcdef');
const SECRETS = { 'extensions.201.password': 'ha1$00$11', 'users.201."a b"': 'scrypt$x' };
const author = { who: 'tester', origin: 'cli' } as const;

/** A box as the command line opens it. */
class Box {
  readonly store: ConfigurationStore;
  readonly key: BoxKey;

  constructor(directory: string) {
    this.store = ConfigurationStore.open(directory);
    this.key = BoxKey.open(directory);
  }

  async export(passphrase = PASSPHRASE): Promise<string> {
    const { current, exportSalt: salt, realm } = this.store;
    const carried = secretsToCarry(current, (path, sealed) => this.key.open(path, sealed));
    return writeDocument(current, { secrets: await sealSecrets(carried, passphrase, { salt, realm }) });
  }

  async import(text: string, passphrase = PASSPHRASE): Promise<void> {
    const { candidate, secrets = '' } = await readDocument(text);
    const opened = await openSecrets(secrets, passphrase, this.store.realm);
    const kept = secretsToKeep(opened.secrets, (path, plain) => this.key.seal(path, plain));
    this.store.edit({ author, change: (current) => replaceWithDocument(current, candidate, kept) });
    this.store.exportSalt = opened.salt;
  }
}

async function filledBox(directory: string): Promise<Box> {
  const box = new Box(directory);
  const context = { configuration: box.store.current, realm: box.store.realm, boxKey: () => box.key };
  const pin = await makeSecret('pin', ['users', '201', 'voicemail', 'pin'], '480217', context);
  const carrier = await makeSecret('recoverable', ['lines', '1', 'password'], 'carrier says so', context);
  const copying = withValue(context.configuration, ['extensions', '201', 'passwordForSettingsFiles'], true);
  const made = makeSipPassword('201', 'q7kx2mvp9rta', { ...context, configuration: copying }, 'Anna');
  box.store.edit({
    author,
    change: () => ({
      users: { '201': { name: 'Anna', voicemail: { pin } } },
      extensions: { '201': { user: '201', passwordForSettingsFiles: true, ...made } },
      lines: { '1': { password: carrier } },
    }),
  });
  return box;
}

t.test('an export with secrets makes another box the same, byte for byte', async (t) => {
  const from = await filledBox(`${t.testdir({ from: {}, to: {} })}/from`);
  const to = new Box(`${t.testdirName}/to`);
  const text = await from.export();
  t.equal(await from.export(), text, 'the same twice');
  for (const secret of ['q7kx2mvp9rta', 'carrier says so', '480217', 'ha1$', 'scrypt$', 'sealed$']) {
    t.notOk(text.includes(secret), 'nothing in the clear');
  }
  t.not(to.store.exportSalt.toString('hex'), from.store.exportSalt.toString('hex'), 'every box has its own salt');
  await to.import(text);
  t.same(digestOf(to.store.current, '201'), digestSecrets('201', to.store.realm, 'q7kx2mvp9rta'));
  const { voicemail } = to.store.current.users['201'] ?? {};
  const hashed = readHashedPassword(voicemail?.pin ?? '');
  t.ok(hashed !== undefined && (await isPassword('480217', hashed)), 'the PIN is the same');
  const sealed = to.store.current.lines['1']?.password ?? '';
  t.equal(to.key.open('lines.1.password', sealed), 'carrier says so', 'under the key of this box');
  t.equal(from.key.open('lines.1.password', sealed), undefined);
  const copy = to.store.current.extensions['201']?.passwordCopy ?? '';
  t.equal(to.key.open('extensions.201.passwordCopy', copy), 'q7kx2mvp9rta');
  t.equal(await to.export(), text);
  t.notSame(await to.export('another passphrase'), text);
  from.store.close();
  to.store.close();
});

t.test('a secret of a lost key is told by its path', async (t) => {
  const box = await filledBox(`${t.testdir({ box: {}, other: {} })}/box`);
  const other = BoxKey.open(`${t.testdirName}/other`);
  t.throws(() => secretsToCarry(box.store.current, (path, sealed) => other.open(path, sealed)), {
    code: 'CONFIG_SECRET_UNREADABLE',
    message: /^extensions\.201\.passwordCopy was/,
    cure: /config set extensions\.201\.password -,/,
  });
  box.store.close();
});

t.test('a path that is no secret is refused', async (t) => {
  for (const path of ['users.201.name', 'users.201.nothing', 'users', '', 'a b']) {
    t.throws(() => secretsToKeep({ [path]: 'x' }, () => 'y'), { code: /^CONFIG_PATH_/ }, path);
  }
  t.same(
    secretsToKeep({ 'lines.1.password': 'x', 'users.201.loginCode': 'z' }, (path, text) => `${path}:${text}`),
    {
      'lines.1.password': 'lines.1.password:x',
      'users.201.loginCode': 'z',
    },
  );
});

t.test('sealing', async (t) => {
  const sealed = await sealSecrets(SECRETS, PASSPHRASE, { salt: SALT, realm: 'ringdown' });
  t.match(sealed, /^(?:[A-Za-z0-9+/]{76}\n)*[A-Za-z0-9+/]{1,76}={0,2}\n$/);
  t.same(await openSecrets(sealed, PASSPHRASE, 'ringdown'), { secrets: SECRETS, salt: SALT });
  t.same((await openSecrets(sealed.replaceAll('\n', '\r\n '), PASSPHRASE, 'ringdown')).secrets, SECRETS);
  const [a, b] = Object.entries(SECRETS);
  const otherOrder = Object.fromEntries([b ?? [], a ?? []]);
  t.equal(await sealSecrets(otherOrder, PASSPHRASE, { salt: SALT, realm: 'ringdown' }), sealed);
  for (const [secrets, passphrase, options] of [
    [{ ...SECRETS, x: 'y' }, PASSPHRASE, { salt: SALT, realm: 'ringdown' }],
    [SECRETS, `${PASSPHRASE}!`, { salt: SALT, realm: 'ringdown' }],
    [SECRETS, PASSPHRASE, { salt: Buffer.alloc(16), realm: 'ringdown' }],
    [SECRETS, PASSPHRASE, { salt: SALT, realm: 'other' }],
  ] as const) {
    t.not(await sealSecrets(secrets, passphrase, options), sealed);
  }
  t.same((await openSecrets(await sealSecrets({}, PASSPHRASE, { salt: SALT, realm: '' }), PASSPHRASE, '')).secrets, {});
  await t.rejects(sealSecrets(SECRETS, 'short', { salt: SALT, realm: 'r' }), { code: 'CONFIG_PASSWORD_INVALID' });
  await t.rejects(sealSecrets(SECRETS, '123456789', { salt: SALT, realm: 'r' }), { code: 'CONFIG_PASSWORD_WEAK' });
  await t.rejects(sealSecrets(SECRETS, PASSPHRASE, { salt: Buffer.alloc(3), realm: 'r' }), RangeError);
  const decomposed = await sealSecrets(SECRETS, 'Zoe\u0308 Zoe\u0308 1234', { salt: SALT, realm: 'r' });
  t.same((await openSecrets(decomposed, 'Zo\u00eb Zo\u00eb 1234', 'r')).secrets, SECRETS);
});

t.test('the layout is what the README says', async (t) => {
  const bytes = Buffer.from(await sealSecrets(SECRETS, PASSPHRASE, { salt: SALT, realm: 'ringdown' }), 'base64');
  t.equal(bytes[0], 1);
  t.same(bytes.subarray(1, 17), SALT);
  t.equal(bytes[17], 8);
  t.equal(bytes.toString('utf8', 18, 26), 'ringdown');
  const keys = scryptSync(PASSPHRASE, SALT, 64, { N: 32768, r: 8, p: 1, maxmem: 2 ** 26 });
  const decipher = createDecipheriv('aes-256-gcm', keys.subarray(0, 32), bytes.subarray(26, 38));
  decipher.setAAD(bytes.subarray(0, 26)).setAuthTag(bytes.subarray(-16));
  const plain = Buffer.concat([decipher.update(bytes.subarray(38, -16)), decipher.final()]).toString('utf8');
  t.same(JSON.parse(plain), SECRETS);
});

t.test('what cannot be opened has one clear error', async (t) => {
  const sealed = await sealSecrets(SECRETS, PASSPHRASE, { salt: SALT, realm: 'ringdown' });
  const bytes = Buffer.from(sealed, 'base64');
  const changed = (at: number) => {
    const copy = Buffer.from(bytes);
    copy[at] = (copy.at(at) ?? 0) ^ 1;
    return copy.toString('base64');
  };
  for (const [name, text, code, passphrase] of [
    ['a wrong passphrase', sealed, 'CONFIG_PASSPHRASE_WRONG', 'correct horse batterx'],
    ['no passphrase', sealed, 'CONFIG_PASSPHRASE_WRONG', ''],
    ['an endless passphrase', sealed, 'CONFIG_PASSPHRASE_WRONG', 'x'.repeat(100_000)],
    ['another salt', changed(1), 'CONFIG_PASSPHRASE_WRONG'],
    ['another nonce', changed(26), 'CONFIG_PASSPHRASE_WRONG'],
    ['another ciphertext', changed(40), 'CONFIG_PASSPHRASE_WRONG'],
    ['another tag', changed(bytes.length - 1), 'CONFIG_PASSPHRASE_WRONG'],
    ['another version', changed(0), 'CONFIG_DOCUMENT_NEWER'],
    ['another realm', changed(20), 'CONFIG_SECRETS_OTHER_REALM'],
    ['a realm longer than the rest', Buffer.from([1, ...SALT, 255, 1]).toString('base64'), 'CONFIG_PASSPHRASE_WRONG'],
    ['half of it', sealed.slice(0, 80), 'CONFIG_PASSPHRASE_WRONG'],
    ['all but a byte', bytes.subarray(0, -1).toString('base64'), 'CONFIG_PASSPHRASE_WRONG'],
    ['a byte', 'AQ==', 'CONFIG_PASSPHRASE_WRONG'],
    ['nothing', '', 'CONFIG_PASSPHRASE_WRONG'],
    ['no base64', 'ha1$00', 'CONFIG_PASSPHRASE_WRONG'],
  ] as const) {
    await t.rejects(openSecrets(text, passphrase ?? PASSPHRASE, 'ringdown'), { code, cure: /./ }, name);
  }
  await t.rejects(openSecrets(sealed, PASSPHRASE, 'other'), { code: 'CONFIG_SECRETS_OTHER_REALM' });
});

t.test('the salt of a box stays, and has sixteen bytes', (t) => {
  const directory = t.testdir();
  const store = ConfigurationStore.open(directory);
  const salt = store.exportSalt;
  t.equal(salt.length, 16);
  store.close();
  const again = ConfigurationStore.open(directory);
  t.same(again.exportSalt, salt);
  again.exportSalt = SALT;
  t.same(again.exportSalt, SALT);
  t.throws(() => {
    again.exportSalt = Buffer.alloc(3);
  });
  t.same(again.exportSalt, SALT);
  t.equal(again.revision, 1, 'no revision of it');
  again.close();
  t.end();
});

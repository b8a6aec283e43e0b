import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ConfigurationStore } from '../../firmware/config/configuration-store.ts';
import { type Database, openDatabase } from '../../firmware/config/database.ts';
import { digestOf } from '../../firmware/config/extension.ts';
import { migrate, readMigrations } from '../../firmware/config/migrations.ts';
import type { Configuration } from '../../firmware/config/schema/configuration.ts';
import { digestSecrets } from '../../firmware/config/secrets/sip-password.ts';
import { AUTHOR } from './support/office.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures/databases');

function load(directory: string, version: number): void {
  mkdirSync(directory, { recursive: true });
  const database = openDatabase(join(directory, 'ringdown.db'), 'FULL');
  database.pragma('foreign_keys = OFF');
  database.exec(readFileSync(join(FIXTURES, `${String(version).padStart(3, '0')}.sql`), 'utf8'));
  database.close();
}

/** Of every version: it opens, now and again, its passwords still fit, and it can be edited and taken back. */
function checkAll(t: Test, directory: string, numbers: readonly string[]): void {
  const store = ConfigurationStore.open(directory);
  const { current, revision } = store;
  t.strictSame(Object.keys(current.extensions), numbers);
  for (const number of numbers) {
    t.strictSame(digestOf(current, number), digestSecrets(number, 'ringdown', `password of ${number}`), number);
  }
  store.close();
  const again = ConfigurationStore.open(directory);
  t.strictSame(again.current, current, 'opened again');
  t.equal(again.revision, revision);
  again.edit({ author: AUTHOR, change: (c) => ({ ...c, system: { ...c.system, name: 'Edited' } }) });
  again.rollback(revision, { author: AUTHOR });
  t.strictSame(again.current, current, 'taken back');
  again.close();
}

t.test('there is a database of each version', async (t) => {
  const files = readdirSync(FIXTURES).filter((name) => name.endsWith('.sql'));
  const expected = readMigrations().map(({ name }) => `${name.slice(0, 3)}.sql`);
  t.strictSame(files.sort(), expected, 'see test/config/fixtures/databases/README.md');
});

/** Every table and index as SQLite keeps it; comments and spaces count for nothing. */
function schemaOf(database: Database): readonly unknown[] {
  const rows = database
    .prepare<[], { readonly name: string; readonly sql: string }>(
      'SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name',
    )
    .all();
  return rows.map(({ name, sql }) => [name, sql.replaceAll(/--[^\n]*/g, '').replaceAll(/\s+/g, ' ')]);
}

t.test('a database of any version gets the tables of a new box', async (t) => {
  const directory = t.testdir();
  const migrated = (file: string): readonly unknown[] => {
    const database = openDatabase(file, 'NORMAL');
    migrate(database, file, readMigrations());
    const schema = schemaOf(database);
    database.close();
    return schema;
  };
  const expected = migrated(join(directory, 'new.db'));
  for (const { version, name } of readMigrations()) {
    load(join(directory, name), version);
    t.strictSame(migrated(join(directory, name, 'ringdown.db')), expected, name);
  }
});

t.test('version 1: extensions, their users and the system', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 1);
  checkAll(t, directory, ['30', '201', '202', '2020']);
  const store = ConfigurationStore.open(directory);
  t.match(store.current, {
    system: { sip: { domain: 'phones.example.com' }, locale: 'de-DE', media: { portLow: 40000, portHigh: 40999 } },
    users: {
      30: { name: "O'Neill" },
      201: { name: 'Reception' },
      202: { name: 'Müller' },
      // Names are unique from version 2 on.
      2020: { name: 'Müller 2020' },
    },
    extensions: { 2020: { user: '2020' } },
  });
  t.equal(store.realm, 'ringdown');
  t.match(store.log.get(1), { author: { origin: 'system' }, comment: 'first revision' });
  store.close();
});

t.test('version 2: everything', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 2);
  const first = ConfigurationStore.open(directory);
  t.equal(first.revision, 4);
  t.match(first.log.list(10), [{}, { author: { who: 'admin', origin: 'console' } }, { comment: 'first setup' }, {}]);
  t.strictSame(
    first.notices.list().map(({ message }) => message),
    ['An old notice.'],
  );
  t.match(first.current, {
    system: { name: 'Bäckerei', media: { portLow: 40000, codecs: ['G729', 'PCMA'] }, backupsKept: 7 },
    lan1: { ipv4: { address: '192.168.42.1' } },
    lan2: { ipv4: { address: '10.1.2.3', prefixLength: 16 } },
    users: {
      201: { name: 'Reception', shortCodes: { '*55': { telephoneNumber: '0305551234' } } },
      202: {
        name: 'Müller',
        noAnswerSeconds: 25,
        forwardOnBusy: { enabled: true, number: '201' },
        doNotDisturb: { exceptions: ['201'] },
        contact: { city: 'Köln' },
      },
    },
    extensions: { 202: { codecs: ['PCMU'], location: 'Shop' } },
    huntGroups: { 300: { mode: 'collective', members: [{ user: '202' }, { user: '201', enabled: false }] } },
    locations: { Shop: { address: 'Ring 1' } },
    directory: { Doctor: { number: '0305550000' } },
    noUser: { sourceNumbers: ['ABC=1'] },
  });
  first.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 3: what files for phones say', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 3);
  const store = ConfigurationStore.open(directory);
  t.equal(store.revision, 5);
  t.match(store.current, {
    system: {
      name: 'Bäckerei',
      sip: { phoneTransport: 'tcp', tlsVersion: '1.0' },
      media: { dtmfPayloadType: 120, encryptSrtcp: true },
      telephony: { voicemailNumber: '*17' },
      phones: {
        fileForm: 'r12',
        features: ['recording', 'handover'],
        otherCodecs: ['OPUS'],
        desktopUpdatesUrl: 'https://updates.example.com/',
      },
    },
    noUser: { sourceNumbers: ['ABC=1', 'SET_CDNL="911","112"'] },
  });
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 4: how SIP is answered', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 4);
  const store = ConfigurationStore.open(directory);
  t.equal(store.revision, 6);
  t.match(store.current.system.sip, {
    webSocket: { enabled: true, port: 5067 },
    secureWebSocket: { enabled: true, port: 9444 },
    minExpirySeconds: 120,
    maxExpirySeconds: 1800,
    devicesPerClass: 2,
    defence: {
      packetsPerSecond: 300,
      failedLogins: 5,
      blockSeconds: 900,
      allowList: ['192.168.42.0/24', 'fd00::1'],
    },
  });
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 4: extensions made themselves for nobody, since they had no password for it', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 4);
  const database = openDatabase(join(directory, 'ringdown.db'), 'FULL');
  database.exec('UPDATE system SET sip_auto_create_extensions = 1, checksum = NULL; UPDATE box SET checksum = NULL');
  database.close();
  const store = ConfigurationStore.open(directory);
  t.equal(store.current.system.sip.autoCreateExtensions, false);
  store.close();
});

t.test('version 5: the default extension password', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 5);
  const store = ConfigurationStore.open(directory);
  t.equal(store.revision, 5);
  const { autoCreateExtensions, defaultExtensionPassword } = store.current.system.sip;
  t.equal(autoCreateExtensions, true);
  t.match(defaultExtensionPassword, /^sealed\$/);
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 6: media that go past the box', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 6);
  const store = ConfigurationStore.open(directory);
  t.equal(store.revision, 4);
  t.equal(store.current.system.media.directMedia, false);
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 6: G.722 among the codecs of clients alone becomes one of the box, in its place', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 6);
  const database = openDatabase(join(directory, 'ringdown.db'), 'FULL');
  const forget = 'checksum = NULL; UPDATE box SET checksum = NULL';
  database.exec(`UPDATE system SET phones_other_codecs = '["OPUS","G722"]', ${forget}`);
  database.close();
  const { current } = ConfigurationStore.open(directory);
  t.strictSame(current.system.media.codecs, ['G722', 'PCMA', 'PCMU', 'G729']);
  t.strictSame(current.system.phones.otherCodecs, ['OPUS']);
});

t.test('version 7: G.722', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 7);
  const store = ConfigurationStore.open(directory);
  t.strictSame(store.current.system.media.codecs, ['G722', 'PCMA']);
  t.strictSame(store.current.extensions['202']?.codecs, ['G722']);
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 8: lines to carriers', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 8);
  const store = ConfigurationStore.open(directory);
  t.match(store.current.lines['1'], {
    domain: 'sip.example.net',
    transport: 'tls',
    peers: ['198.51.100.0/24'],
    password: /^sealed\$/,
    channels: 10,
    identity: { incoming: ['from'], outgoing: 'p-asserted-identity' },
    numbers: { send: 'e164', countryCode: '49' },
    speaks: { refer: true },
    codecs: ['PCMA'],
  });
  t.match(store.current.system.tollFraud, { action: 'block', suspectPrefixes: ['+882'] });
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 9: threads of media', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 9);
  const store = ConfigurationStore.open(directory);
  t.equal(store.current.system.media.threads, 2);
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 11: how numbers are dialled', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 11);
  const store = ConfigurationStore.open(directory);
  t.match(store.current, {
    system: {
      telephony: {
        dialPlan: { enabled: true, outsidePrefix: '9', cityCodes: ['020'], extensionLengths: ['3', '4'] },
        classOfService: 'Office',
        trunkToTrunk: 'forwarded',
      },
      emergency: { location: 'Shop', callBackSeconds: 600, notify: ['201'] },
    },
    users: {
      201: {
        dialPlan: { use: 'own', countryCode: '44' },
        followMe: '202',
        declinePolicy: 'decline',
        absentText: 'Lunch',
      },
      202: { internalTwinning: '201', twinning: { timeProfile: 'Day' } },
    },
    timeProfiles: {
      Day: { times: [{ begins: '08:30' }, { days: ['sat'], ends: '12:00' }], exceptDates: ['2026-12-25'] },
    },
    arsRoutes: {
      Main: {
        alternateRoute: 'Spare',
        codes: [
          { code: '00N', feature: 'barred' },
          { code: '?', lineGroup: 1 },
        ],
      },
    },
    classesOfService: { Office: { calls: 'local', barred: ['0900N'], timeProfile: 'Day' } },
    locations: { Shop: { lineGroup: '1' } },
  });
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 12: default short codes', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 12);
  const store = ConfigurationStore.open(directory);
  t.match(store.current.shortCodes, {
    '*17': { feature: 'voicemail-collect', telephoneNumber: '201' },
    '*90': { feature: 'dial-extension', telephoneNumber: '202' },
    999: { feature: 'dial-emergency', telephoneNumber: '999' },
  });
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 13: wrap-up time of hunt groups', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 13);
  const store = ConfigurationStore.open(directory);
  t.match(store.current.huntGroups, { 300: { mode: 'rotary', wrapUpSeconds: 7, members: [{ user: '202' }, {}] } });
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 14: announcements of queues, mailboxes that ring back, recordings', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 14);
  const store = ConfigurationStore.open(directory);
  t.match(store.current, {
    system: { recording: { warning: 'tone', maxMinutes: 45 } },
    users: { 201: { voicemail: { ringBack: false } }, 202: { voicemail: { ringBack: true } } },
    huntGroups: { 300: { queue: { announceSeconds: 45, announcePlace: false } } },
  });
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 15: times of calls', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 15);
  const store = ConfigurationStore.open(directory);
  t.match(store.current.system, { media: { timeoutSeconds: 90 }, telephony: { parkReminderSeconds: 120 } });
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 15: a box without a conference centre, and short codes that nothing ever did', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 15);
  const database = openDatabase(join(directory, 'ringdown.db'), 'FULL');
  const old = ['dial-inclusion', 'display-message', 'hold-call'];
  for (const [index, feature] of old.entries()) insertCodes(database, `*9${index}`, { feature });
  database.close();
  const { current } = ConfigurationStore.open(directory);
  t.equal(current.system.telephony.conferenceCentre, 'ConfServer');
  const barred = { feature: 'barred', telephoneNumber: 'N' };
  for (const codes of shortCodesOf(current)) t.match(codes, { '*90': barred, '*91': barred, '*92': barred });
});

t.test('version 16: no conference centre where an administrator wants none', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 16);
  const store = ConfigurationStore.open(directory);
  t.match(store.current, {
    system: { telephony: { conferenceCentre: '' } },
    shortCodes: { '*70': { feature: 'dial-paging' } },
  });
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 17: a line of the office', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 17);
  const store = ConfigurationStore.open(directory);
  t.match(store.current.lines['1'], { identity: { trusted: true, incoming: ['from'] } });
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 18: how many of a conference are heard at a time', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 18);
  const store = ConfigurationStore.open(directory);
  t.equal(store.current.system.telephony.conferenceSpeakers, 5);
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 20: telephones that make calls by themselves', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 20);
  const store = ConfigurationStore.open(directory);
  t.equal(store.current.extensions['201']?.callsByRefer, true);
  t.equal(store.current.extensions['202']?.callsByRefer, false);
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('version 21: telephones that are not to answer by themselves', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 21);
  const store = ConfigurationStore.open(directory);
  t.equal(store.current.extensions['201']?.autoAnswer, false);
  t.equal(store.current.extensions['202']?.autoAnswer, true);
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('a short code of version 15 that asked for an authorization code still leads nowhere', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 15);
  const database = openDatabase(join(directory, 'ringdown.db'), 'FULL');
  insertCodes(database, '*90', { force_authorization: 1 });
  insertCodes(database, '*91', { force_authorization: 0 });
  database.close();
  const store = ConfigurationStore.open(directory);
  for (const codes of shortCodesOf(store.current)) {
    t.match(codes, { '*90': { feature: 'barred' }, '*91': { feature: 'dial' } });
    t.notOk(Object.hasOwn(codes?.['*90'] ?? {}, 'forceAuthorization'));
  }
  store.close();
});

/** Into each of the three tables of short codes: of the system, of user 201 and of the rights `Old`. */
function insertCodes(database: Database, code: string, columns: Readonly<Record<string, string | number>>): void {
  database.prepare("INSERT OR IGNORE INTO user_rights (name) VALUES ('Old')").run();
  const owners = [
    ['short_codes', {}],
    ['user_short_codes', { user_number: '201' }],
    ['user_rights_short_codes', { user_right_name: 'Old' }],
  ] as const;
  for (const [table, owner] of owners) {
    const row = { ...owner, code, telephone_number: 'N', ...columns };
    const names = Object.keys(row);
    const places = names.map((name) => `@${name}`);
    database.prepare(`INSERT INTO ${table} (${names}) VALUES (${places})`).run(row);
  }
}

function shortCodesOf({ shortCodes, users, userRights }: Configuration) {
  return [shortCodes, users['201']?.shortCodes, userRights['Old']?.shortCodes];
}

function checksums(database: Database, table: string): readonly unknown[] {
  return database.prepare(`SELECT checksum FROM ${table}`).pluck().all();
}

t.test('a migration forgets the checksums of the version before it', async (t) => {
  const directory = join(t.testdir(), 'data');
  const newest = readMigrations();
  load(directory, newest.length);
  ConfigurationStore.open(directory).close();
  const file = join(directory, 'ringdown.db');
  const database = openDatabase(file, 'FULL');
  const sql = "ALTER TABLE users ADD COLUMN nickname TEXT NOT NULL DEFAULT ''";
  migrate(database, file, [...newest, { version: newest.length + 1, name: 'next.sql', sql }]);
  for (const table of ['users', 'system', 'hunt_group_members', 'box']) {
    t.ok(
      checksums(database, table).every((checksum) => checksum === null),
      table,
    );
  }
  t.ok(
    checksums(database, 'revisions').some((checksum) => checksum !== null),
    'revisions stay what they are',
  );
  database.close();
});

t.test('version 10: call records, lamps, voicemail', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 10);
  const store = ConfigurationStore.open(directory);
  t.match(store.current.system, {
    calls: { recordDays: 180, recordsKept: 100_000 },
    lamps: { watchers: 'everybody', identities: true, pickUp: true },
    voicemail: { totalMinutes: 900, messageSeconds: 60 },
  });
  store.close();
  checkAll(t, directory, ['201', '202']);
});

t.test('a short code that a revision before version 16 has comes back as refused as it was', async (t) => {
  const directory = join(t.testdir(), 'data');
  load(directory, 15);
  const before = ConfigurationStore.open(directory);
  const { revision } = before;
  const code = (telephoneNumber: string) => ({ feature: 'barred', telephoneNumber });
  for (const shortCodes of [{ '*90': code('1'), '*91': code('2'), '*92': code('3') }, {}]) {
    before.edit({ author: AUTHOR, change: (c) => ({ ...c, shortCodes }) });
  }
  before.close();
  const database = openDatabase(join(directory, 'ringdown.db'), 'FULL');
  const former = ['"feature":"hold-call"', '"feature":"dial","forceAuthorization":true', '"feature":"busy"'];
  database.exec('UPDATE revisions SET checksum = NULL');
  for (const [index, text] of former.entries()) {
    database
      .prepare('UPDATE revisions SET changes = replace(changes, ?, ?)')
      .run(`"feature":"barred","telephoneNumber":"${index + 1}"`, `${text},"telephoneNumber":"${index + 1}"`);
  }
  database.close();
  const store = ConfigurationStore.open(directory);
  store.rollback(revision + 1, { author: AUTHOR });
  t.match(store.current.shortCodes, {
    '*90': { feature: 'barred', telephoneNumber: '1' },
    '*91': { feature: 'barred', telephoneNumber: '2' },
    '*92': { feature: 'busy', telephoneNumber: '3' },
  });
  store.close();
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { clientVariables } from '../../firmware/phones/effective-settings.ts';
import { evaluateSettings } from '../../firmware/phones/language/evaluator.ts';
import { readSettings } from '../../firmware/phones/language/reader.ts';
import { MODELS } from '../../firmware/phones/models.ts';
import type { PhoneFileRequest } from '../../firmware/phones/phone-file.ts';
import { GENERATED_FILE_NAMES, generatedPhoneFiles } from '../../firmware/phones/phone-files.ts';
import { renderSettings } from '../../firmware/phones/settings-file.ts';
import { renderBranchSettings, renderSpecials, renderUpgrade } from '../../firmware/phones/specials-file.ts';
import { ENGLISH_OFFICE, inputFor, office } from './sample-office.ts';

const HEADER = { version: '1.2.3', address: '192.168.0.76' };

const REQUEST: PhoneFileRequest = {
  name: '46xxsettings.txt',
  localAddress: '192.168.42.1',
  lan: 'lan1',
  remoteAddress: '192.168.42.50',
  isSecure: false,
  userAgent: '',
};

t.test('the specials are those of the sample, with one Vantage more', async (t) => {
  const lines = renderSpecials(HEADER).split('\n');
  const own = 'IF $MODEL4 SEQ K155 GOTO K1XXSPECIALS';
  t.ok(lines.includes(own));
  const fixture = readFileSync(join(import.meta.dirname, 'fixtures', 'specials.txt'), 'utf8');
  t.strictSame(
    lines.filter((line) => line !== own),
    fixture.split('\n'),
  );
});

t.test('the specials set nothing, for any model and group', async (t) => {
  const text = readSettings(renderSpecials(HEADER));
  for (const model of MODELS) {
    for (const group of [0, 1, 5, 9]) {
      const { settings, warnings } = evaluateSettings(text, clientVariables(model, group));
      t.strictSame([settings, warnings], [[], []], `${model} ${group}`);
    }
  }
});

t.test('the other small files lead on', async (t) => {
  const files = (text: string) =>
    evaluateSettings(readSettings(text), clientVariables('J179', 0)).gets.map(({ name }) => name);
  t.strictSame(files(renderUpgrade(HEADER)), ['46xxsettings.txt']);
  t.strictSame(files(renderBranchSettings(HEADER)), ['46xxspecials.txt']);
});

t.test('each file is made anew for each request', async (t) => {
  let configuration = office();
  let pem = 'first';
  const { client: _client, configuration: _configuration, ...box } = inputFor(configuration);
  const make = generatedPhoneFiles({
    configuration: () => configuration,
    box: () => box,
    rootCertificate: () => pem,
  });
  t.strictSame(GENERATED_FILE_NAMES, [
    '46xxsettings.txt',
    '46xxspecials.txt',
    '46xxBranchsettings.txt',
    '46xxupgrade.txt',
    '96x1Supgrade.txt',
    'J100Supgrade.txt',
    'K1xxSupgrade.txt',
    'WebRootCA.pem',
  ]);
  for (const name of GENERATED_FILE_NAMES) t.ok(make({ ...REQUEST, name }), name);
  t.equal(make(REQUEST)?.body, renderSettings(inputFor(configuration)));
  configuration = office({ system: { sip: { domain: 'example.com' } } });
  t.match(make(REQUEST)?.body, /SET SIPDOMAIN example\.com\n/);
  t.strictSame(make({ ...REQUEST, name: 'WebRootCA.pem' }), {
    contentType: 'application/x-pem-file',
    body: 'first',
    origin: 'generated',
    why: 'the authority of this box',
  });
  pem = '';
  t.equal(make({ ...REQUEST, name: 'WebRootCA.pem' }), undefined, 'no file without a certificate');
  for (const name of ['', '/', '46XXSETTINGS.TXT', '001122aabbcc.txt', '../46xxsettings.txt', '__proto__']) {
    t.equal(make({ ...REQUEST, name }), undefined, name);
  }
});

t.test('the file says why it is as it is', async (t) => {
  const { client: _client, configuration, ...box } = inputFor(ENGLISH_OFFICE);
  const options = { configuration: () => configuration, box: () => box, rootCertificate: () => '' };
  const make = generatedPhoneFiles(options);
  for (const [change, why] of [
    [{}, 'generated for LAN1, IPv4, every model'],
    [{ lan: 'lan2', localAddress: 'fd00::1' }, 'generated for LAN2, IPv6, every model'],
    [{ remoteAddress: '203.0.113.7', lan: undefined }, 'generated for no LAN, IPv4, remote client, every model'],
    [{ userAgent: 'Avaya Communicator/3.0 (x)' }, 'generated for LAN1, IPv4, Workplace'],
    [
      { userAgent: 'Mozilla/4.0 (compatible; MSIE 6.0) AVAYA/J179-4.1.3.0.6 (MAC:c81fea83e85a)' },
      'generated for LAN1, IPv4, every model',
    ],
  ] as const) {
    t.equal(make({ ...REQUEST, ...change })?.why, why);
  }
  const known = generatedPhoneFiles({ ...options, profile: () => 'power' });
  t.equal(known(REQUEST)?.why, 'generated for LAN1, IPv4, every model, profile power');
});

t.test('no file that a stranger can fetch holds a password', async (t) => {
  const secrets = ['7351942', 'Adm1n-pass!', 'ha1$c2VjcmV0', 'scrypt$c2VjcmV0', 'sealed$c2VjcmV0'];
  const configuration = office({
    noUser: { sourceNumbers: ['SET_46xx_PROCPSWD=7351942', 'SET_ADMINPSWD=Adm1n-pass!'] },
    users: { 201: { name: 'x', password: 'scrypt$c2VjcmV0', loginCode: 'scrypt$c2VjcmV0' } },
    extensions: {
      201: {
        user: '201',
        password: 'ha1$c2VjcmV0',
        passwordForSettingsFiles: true,
        passwordCopy: 'sealed$c2VjcmV0',
      },
    },
  });
  const { client: _client, configuration: _configuration, ...box } = inputFor(configuration);
  const make = generatedPhoneFiles({
    configuration: () => configuration,
    box: () => box,
    rootCertificate: () => 'pem',
  });
  for (const name of GENERATED_FILE_NAMES) {
    for (const isSecure of [false, true]) {
      for (const userAgent of ['', 'Avaya Communicator/3.0 (x)', 'AVAYA/J179-4.1.3.0.6 (MAC:c81fea83e85a)']) {
        const body = String(make({ ...REQUEST, name, isSecure, userAgent })?.body);
        for (const secret of secrets) t.notOk(body.includes(secret), `${name}: ${secret}`);
        t.notMatch(body, /^SET \S*(?:PSWD|PASSWORD|SECRET)\S* /m, name);
      }
    }
  }
});

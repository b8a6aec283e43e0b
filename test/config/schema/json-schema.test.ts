import t from 'tap';
import { parse } from 'yaml';
import { DOCUMENT_FORMAT } from '../../../firmware/config/document/read-document.ts';
import { writeDocument } from '../../../firmware/config/document/write-document.ts';
import { complete } from '../../../firmware/config/schema/complete.ts';
import { type Configuration, configurationSchema } from '../../../firmware/config/schema/configuration.ts';
import { documentSchema } from '../../../firmware/config/schema/json-schema.ts';
import { nodeOf } from '../../../firmware/config/schema/tree.ts';
import { fullOffice } from '../support/full-office.ts';
import { violations } from '../support/json-schema-check.ts';

/** As other programs get it. */
const schema: unknown = JSON.parse(JSON.stringify(documentSchema(DOCUMENT_FORMAT)));

const OFFICE = {
  system: { name: '0123', sip: { tls: { port: 5063 } }, media: { codecs: ['PCMA'] } },
  users: { '201': { name: 'yes', noAnswerSeconds: 20, shortCodes: { '*1': {} } }, '0202': { name: 'B' } },
  extensions: { '201': { user: '201', codecs: ['G729'], password: 'ha1$00$00' } },
  huntGroups: { '300': { name: 'C', members: [{ user: '201' }, { user: '0202', enabled: false }] } },
  directory: { 'Acme/Inc.': { number: '+44123' } },
  licences: { softphone: { count: 3, expires: '2027-12-31' } },
};

t.test('an export fits the schema that is printed', async (t) => {
  for (const candidate of [{}, OFFICE, fullOffice()]) {
    const configuration = complete(nodeOf(configurationSchema), candidate) as Configuration;
    for (const options of [{}, { secrets: 'QUJD\nREVG\n' }]) {
      t.strictSame(violations(schema, parse(await writeDocument(configuration, options))), []);
    }
  }
});

interface Case {
  readonly title: string;
  readonly file: object;
  readonly violation: string;
}

const CASES: readonly Case[] = [
  { title: 'no format', file: {}, violation: ': required' },
  { title: 'another format', file: { format: 2 }, violation: '/format: const' },
  { title: 'an unknown section', file: { format: 1, printers: {} }, violation: '/printers: additionalProperties' },
  {
    title: 'a bad key',
    file: { format: 1, users: { '20a': { name: 'x' } } },
    violation: '/users/20a: additionalProperties',
  },
  { title: 'no name', file: { format: 1, users: { 201: {} } }, violation: '/users/201: required' },
  {
    title: 'a secret in the clear',
    file: { format: 1, extensions: { 201: { password: 'x' } } },
    violation: '/extensions/201/password: additionalProperties',
  },
  {
    title: 'a number out of range',
    file: { format: 1, users: { 201: { name: 'x', priority: 9 } } },
    violation: '/users/201/priority: maximum',
  },
  {
    title: 'an unknown word',
    file: { format: 1, system: { media: { codecs: ['MP3'] } } },
    violation: '/system/media/codecs/0: enum',
  },
];

t.test('what an import refuses does not fit it', async (t) => {
  for (const { title, file, violation } of CASES) t.strictSame(violations(schema, file), [violation], title);
});

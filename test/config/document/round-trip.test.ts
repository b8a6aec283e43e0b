import t from 'tap';
import { replaceWithDocument } from '../../../firmware/config/document/combine.ts';
import { readDocument } from '../../../firmware/config/document/read-document.ts';
import { writeDocument } from '../../../firmware/config/document/write-document.ts';
import { complete, sparse } from '../../../firmware/config/schema/complete.ts';
import { type Configuration, configurationSchema } from '../../../firmware/config/schema/configuration.ts';
import { isEqual, isRecord, nodeOf, type SchemaNode } from '../../../firmware/config/schema/tree.ts';
import { checkShape } from '../../../firmware/config/validation/shape.ts';
import { PEM, randomConfiguration, untouchedFields } from './random-configuration.ts';

const schema = nodeOf(configurationSchema);
const fresh = complete(schema, {}) as Configuration;

/** As a box has it that got the file: by the file alone. */
async function imported(text: string, current = fresh): Promise<Configuration> {
  const { candidate } = await readDocument(text);
  return complete(schema, replaceWithDocument(current, candidate)) as Configuration;
}

function withoutSecrets(node: SchemaNode, value: unknown): unknown {
  if (node.kind === 'value' && node.secret !== undefined) return undefined;
  if (!isRecord(value) || (node.kind !== 'group' && node.kind !== 'collection')) return value;
  const members = Object.entries(value).map(([key, inner]) => {
    const child = node.kind === 'group' ? node.fields.get(key) : node.item;
    return [key, child === undefined ? inner : withoutSecrets(child, inner)] as const;
  });
  return Object.fromEntries(members.filter(([, inner]) => inner !== undefined));
}

t.test('a fresh box exports a small file, and the file is that box', async (t) => {
  const text = await writeDocument(fresh);
  t.equal(
    text,
    `# Configuration of a Ringdown box. What has its default is left out.
# ringdown config import FILE --replace makes a box like this; with --merge it only gets what stands here.
# Passwords and PINs are not in this file; those of a box that it is imported into stay.

format: 1
`,
  );
  t.same(await imported(text), fresh);
});

t.test('a big configuration with something in every field comes back byte for byte', async (t) => {
  const big = randomConfiguration({ seed: 20260, items: 384, innerItems: 4, dense: true });
  t.equal(Object.keys(big.users).length, 384);
  t.same(untouchedFields(big), [], 'every field holds more than its default');
  t.same(checkShape(big), [], 'what was made fits the schema');
  const text = await writeDocument(big);
  t.notMatch(text, /ha1\$|scrypt\$|sealed\$/, 'no secret');
  const back = await imported(text);
  t.ok(isEqual(back, withoutSecrets(schema, big)), 'all is there but the secrets');
  t.equal(await writeDocument(back), text);
  t.equal(await writeDocument(await imported(text, big)), text, 'into a box that is full already');
  t.ok(isEqual(await imported(text, big), big), 'which keeps its secrets');
});

t.test('many small ones come back, each from a seed of its own', async (t) => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const configuration = randomConfiguration({ seed, items: 12, innerItems: 12 });
    const text = await writeDocument(configuration);
    const back = await imported(text);
    t.ok(isEqual(back, withoutSecrets(schema, configuration)), `seed ${seed}`);
    t.equal(await writeDocument(back), text, `seed ${seed}, written again`);
  }
});

t.test('what sparse leaves out, complete brings back', (t) => {
  for (let seed = 100; seed < 140; seed += 1) {
    const configuration = randomConfiguration({ seed, items: 8, innerItems: 3 });
    t.ok(isEqual(complete(schema, sparse(schema, configuration)), configuration), `seed ${seed}`);
  }
  t.same(sparse(schema, fresh), {});
  t.end();
});

t.test('what is written', async (t) => {
  const configuration = complete(schema, {
    certificates: { 'Office root': { pem: PEM } },
    directory: { 'Acme Inc.': { number: '+44123' }, yes: { number: '0123' } },
    extensions: { '201': { user: '201', password: 'ha1$00$00' } },
    system: { telephony: { noAnswerSeconds: 30 }, media: { codecs: ['G729', 'PCMA'] } },
    users: { '1000': { name: 'B' }, '0201': { name: ' a: b' }, '201': { name: 'A', noAnswerSeconds: 20 } },
  }) as Configuration;
  t.equal(
    (await writeDocument(configuration, { secrets: 'QUJD\nREVG\n' })).split('\n').slice(2).join('\n'),
    `# Passwords and PINs stand at the end, encrypted under the passphrase of the export.

format: 1

# System
system:
  # Media
  media:
    # Codecs in order of preference
    codecs:
      - G729
      - PCMA
  # Telephony
  telephony:
    noAnswerSeconds: 30 # s: Default no-answer time

# Users
users:
  "201":
    name: A
    noAnswerSeconds: 20 # s
  "0201":
    name: " a: b"
  "1000":
    name: B

# Extensions
extensions:
  "201":
    user: "201"

# Directory entries
directory:
  Acme Inc.:
    number: "+44123"
  "yes":
    number: "0123"

# Certificates that the box trusts
certificates:
  Office root:
    pem: |
${PEM.split('\n')
  .map((line) => (line === '' ? '' : `      ${line}`))
  .join('\n')}
# Secrets
secrets: |
  QUJD
  REVG
`,
  );
});

t.test('every number has its unit behind it where it has one', async (t) => {
  const text = await writeDocument(randomConfiguration({ seed: 7, items: 10, innerItems: 2 }));
  const seconds = text.split('\n').filter((line) => /Seconds: /.test(line));
  t.ok(seconds.length > 5);
  for (const line of seconds) t.match(line, /Seconds: \d+ # s(?:$|: )/);
});

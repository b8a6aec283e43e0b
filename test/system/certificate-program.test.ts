import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import t from 'tap';
import { entryPath } from '../../firmware/core/assets.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { makeCertificates } from '../../firmware/system/certificate-maker.ts';
import type { CertificateRequest } from '../../firmware/system/certificate-request.ts';
import { ensureCertificate } from '../../firmware/system/certificates.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { repositoryPath } from '../support/repository.ts';

const NOW = Date.UTC(2026, 10, 22);
const VALIDITY = { notBeforeMs: NOW, notAfterMs: NOW + 86_400_000 };
const TIMEOUT_MS = 30_000;
const REAL_PROGRAM = entryPath('make-certificate.cjs', 'firmware/system/make-certificate.ts');

const authorityKeys = newKeys();
const serverKeys = newKeys();
const REQUEST: CertificateRequest = {
  authorityKey: privatePem(authorityKeys.privateKey),
  authority: { kind: 'new', commonName: 'Authority of a test', ...VALIDITY },
  server: {
    publicKey: publicPem(serverKeys.publicKey),
    names: ['ringdown', '192.168.42.1', 'fd00:42::1'],
    ...VALIDITY,
  },
};

function newKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function privatePem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function publicPem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

/** The bare base64 lines: what must be nowhere. */
function linesOf(pem: string): string[] {
  return pem.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
}

function program(directory: string, source: string): string {
  const path = join(directory, 'program.mjs');
  writeFileSync(path, source);
  return path;
}

t.test('makes what was asked for, for the keys of the request', async (t) => {
  const { authority, server } = await makeCertificates(REQUEST);
  t.ok(authority.checkPrivateKey(authorityKeys.privateKey));
  t.ok(server.checkPrivateKey(serverKeys.privateKey));
  t.ok(server.checkIssued(authority));
  t.equal(server.subject, 'O=Ringdown\nCN=ringdown');

  const again = await makeCertificates({
    ...REQUEST,
    authority: { kind: 'keep', certificate: authority.toString() },
  });
  t.equal(again.authority.toString(), authority.toString());
  t.ok(again.server.checkIssued(authority));
});

t.test('a name is taken as it is, whatever stands in it', async (t) => {
  const commonName = '#30 "a", CN=b + O=c\\2c';
  const { authority } = await makeCertificates({ ...REQUEST, authority: { kind: 'new', commonName, ...VALIDITY } });
  t.equal(authority.toLegacyObject().subject.CN, commonName);
});

t.test('a program that does not do its work', async (t) => {
  const stranger = await makeCertificates({
    ...REQUEST,
    authorityKey: privatePem(newKeys().privateKey),
  });
  const own = await makeCertificates(REQUEST);
  const answer = (value: unknown) => `process.stdout.write(${JSON.stringify(JSON.stringify(value))})`;
  const cases: readonly { name: string; source: string; message: RegExp }[] = [
    { name: 'exits', source: 'process.exit(3)', message: /exit status 3$/ },
    {
      name: 'throws',
      source: 'throw new TypeError("no such thing")',
      message: /exit status 1, TypeError: no such thing/,
    },
    { name: 'is killed', source: 'process.kill(process.pid, "SIGKILL")', message: /signal SIGKILL/ },
    { name: 'says nothing', source: '', message: /something else/ },
    { name: 'prints garbage', source: 'console.log("garbage")', message: /something else/ },
    { name: 'prints other JSON', source: answer(null), message: /something else/ },
    { name: 'prints too little', source: answer({ authority: own.authority.toString() }), message: /no certificate/ },
    { name: 'prints no certificates', source: answer({ authority: 7, server: 'a' }), message: /no certificate/ },
    {
      name: "prints another authority's",
      source: answer({ authority: own.authority.toString(), server: stranger.server.toString() }),
      message: /other keys/,
    },
    {
      name: 'prints those of other keys',
      source: answer({ authority: own.authority.toString(), server: own.authority.toString() }),
      message: /other keys/,
    },
    {
      name: 'never stops printing',
      source: 'const more = () => process.stdout.write("x".repeat(65536), more); more()',
      message: /wrote more/,
    },
  ];
  for (const { name, source, message } of cases) {
    const path = program(t.testdir(), source);
    await t.rejects(
      makeCertificates(REQUEST, { path, timeoutMs: TIMEOUT_MS }),
      { code: 'SYSTEM_CERTIFICATE_FAILED', message, cure: /again/ },
      name,
    );
  }
  await t.rejects(
    makeCertificates(REQUEST, { path: join(t.testdir(), 'missing.mjs'), timeoutMs: TIMEOUT_MS }),
    { code: 'SYSTEM_CERTIFICATE_FAILED', message: /Cannot find module/ },
    'is not there',
  );
});

t.test('a program that hangs is ended, though it does not want to', async (t) => {
  const directory = t.testdir();
  const pidFile = join(directory, 'pid');
  const path = program(
    directory,
    `import { writeFileSync } from 'node:fs';
     process.on('SIGTERM', () => {});
     writeFileSync(${JSON.stringify(pidFile)}, String(process.pid));
     setInterval(() => {}, 1000);`,
  );
  await t.rejects(makeCertificates(REQUEST, { path, timeoutMs: 5000 }), {
    code: 'SYSTEM_CERTIFICATE_FAILED',
    message: /within 5 s/,
  });
  const pid = Number(readFileSync(pidFile, 'utf8'));
  t.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
});

t.test('it fails without a trace, and the next time all is well', async (t) => {
  const directory = t.testdir({ box: {} });
  const options = {
    directory: join(directory, 'box'),
    addresses: ['192.168.42.1'],
    clock: new FakeClock(NOW),
    logger: createLogger('silent'),
  };
  const failing = { path: program(directory, 'process.exit(1)'), timeoutMs: TIMEOUT_MS };
  await t.rejects(ensureCertificate({ ...options, program: failing }), { code: 'SYSTEM_CERTIFICATE_FAILED' });
  t.strictSame(readdirSync(join(options.directory, 'certificates')), []);

  const made = await ensureCertificate(options);
  await t.rejects(ensureCertificate({ ...options, addresses: ['10.0.0.1'], program: failing }), {
    code: 'SYSTEM_CERTIFICATE_FAILED',
  });
  t.strictSame(await ensureCertificate({ ...options, program: failing }), made, 'and starts nothing to find it again');
});

t.test('a key is neither in the arguments nor in the environment of the program', async (t) => {
  const directory = t.testdir({ box: {} });
  const seenFile = join(directory, 'seen');
  const path = program(
    directory,
    `import { readFileSync, writeFileSync } from 'node:fs';
     writeFileSync(${JSON.stringify(seenFile)}, readFileSync('/proc/self/cmdline') + readFileSync('/proc/self/environ'));
     await import(${JSON.stringify(pathToFileURL(REAL_PROGRAM).href)});`,
  );
  const made = await ensureCertificate({
    directory: join(directory, 'box'),
    addresses: ['192.168.42.1'],
    clock: new FakeClock(NOW),
    logger: createLogger('silent'),
    program: { path, timeoutMs: TIMEOUT_MS },
  });
  t.ok(new X509Certificate(made.cert).checkIP('192.168.42.1'), 'it has worked');
  const seen = readFileSync(seenFile, 'utf8');
  t.match(seen, path);
  const authority = readFileSync(join(directory, 'box', 'certificates', 'authority.pem'), 'utf8');
  const secrets = [...linesOf(made.key), ...linesOf(authority)];
  t.ok(secrets.length > 4);
  for (const line of secrets) t.notOk(seen.includes(line));
  t.notMatch(seen, /PRIVATE|BEGIN/);
});

t.test('a request that cannot be read is not quoted', async (t) => {
  const garbled = program(
    t.testdir(),
    `import { Readable } from 'node:stream';
     Object.defineProperty(process, 'stdin', { value: Readable.from(['-----BEGIN PRIVATE KEY-----']) });
     await import(${JSON.stringify(pathToFileURL(REAL_PROGRAM).href)});`,
  );
  await t.rejects(makeCertificates(REQUEST, { path: garbled, timeoutMs: TIMEOUT_MS }), {
    message: /exit status 1, Error: standard input is no JSON$/,
  });
});

t.test('the runtime itself never loads the library', async (t) => {
  const inputsOf = async (source: string) => {
    const { metafile } = await build({
      absWorkingDir: repositoryPath,
      entryPoints: [source],
      bundle: true,
      platform: 'node',
      format: 'esm',
      write: false,
      metafile: true,
      logLevel: 'silent',
    });
    return Object.keys(metafile.inputs);
  };
  const library = /node_modules\/(@peculiar|reflect-metadata)\//;
  t.ok((await inputsOf('firmware/system/make-certificate.ts')).some((input) => library.test(input)));
  t.strictSame(
    (await inputsOf('firmware/system/certificates.ts')).filter((input) => library.test(input)),
    [],
  );
});

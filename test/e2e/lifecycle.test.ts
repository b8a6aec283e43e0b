import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { freePorts } from '../support/free-ports.ts';
import { Ringdown, runRingdown } from '../support/ringdown.ts';
import { officeTest, talk } from './office.ts';

officeTest('a killed media worker is back within a second, and new calls work', async (t, office) => {
  const left = await office.registered('201', { codecs: ['PCMA'] });
  const right = await office.registered('202', { localAddress: '::1', codecs: ['G729'], incoming: 'answer' });
  t.match(await left.call('202'), { status: 200 });
  await talk(t, left, right);
  await Promise.all([left.bye(), right.ended()]);

  const workers = office.ringdown.children();
  t.ok(workers.length > 0, 'the runtime has child processes');
  for (const worker of workers) {
    const killedAt = performance.now();
    process.kill(worker, 'SIGKILL');
    let outcome = await left.call('202');
    while (outcome.status !== 200 && performance.now() - killedAt < 1000) outcome = await left.call('202');
    t.equal(outcome.status, 200, `a call after ${Math.round(performance.now() - killedAt)} ms`);
    t.notOk(office.ringdown.children().includes(worker), 'the worker is another one');
    await talk(t, left, right);
    await Promise.all([left.bye(), right.ended()]);
    t.same(await office.mediaPortsLeft(), []);
  }
});

officeTest('SIGTERM ends a call with BYE, and bindings are there after the next start', async (t, office) => {
  const left = await office.registered('201');
  const right = await office.registered('202', { localAddress: '::1', codecs: ['G729'], incoming: 'answer' });
  t.match(await left.call('202'), { status: 200 });
  // A supervisor may say it twice.
  process.kill(office.ringdown.pid, 'SIGTERM');
  const [{ status }] = await Promise.all([office.ringdown.stop(), left.ended(), right.ended()]);
  t.equal(status, 0);
  await office.ringdown.start();
  t.match(await left.call('202'), { status: 200 }, 'nobody registered again');
  await talk(t, left, right);
  await Promise.all([left.bye(), right.ended()]);
});

officeTest('SIGTERM that is repeated while a phone does not answer its BYE changes nothing', async (t, office) => {
  const left = await office.registered('201');
  const right = await office.registered('202', { incoming: 'answer' });
  t.match(await left.call('202'), { status: 200 });
  await right.close();
  process.kill(office.ringdown.pid, 'SIGTERM');
  await office.ringdown.logs(/"msg":"stopping"/, 5000);
  t.match(await office.ringdown.stop(), { status: 0 });
});

t.test('SIGTERM during the start, once SIP answers, is a clean stop too', async (t) => {
  const ringdown = await Ringdown.create();
  const started = ringdown.start().catch(() => undefined);
  await ringdown.logs(/made the certificate/, 20_000);
  t.match(await ringdown.stop(), { status: 0 });
  await started;
  await ringdown.close();
});

officeTest('SIGTERM while it rings refuses the caller and frees the called phone', async (t, office) => {
  const left = await office.registered('201');
  const right = await office.registered('202');
  await left.invite('202');
  await right.incomingCall();
  await left.ringing();
  const [{ status }, outcome] = await Promise.all([office.ringdown.stop(), left.answered(), right.ended()]);
  t.equal(status, 0);
  t.ok(outcome.status >= 480, `the caller gets ${outcome.status}`);
});

officeTest('a runtime that was killed leaves bindings and extensions whole', async (t, office) => {
  const left = await office.registered('201');
  const right = await office.registered('202', { incoming: 'answer' });
  // Registrations may take up to a second until they are written: a call in between gives them the time.
  t.match(await left.call('202'), { status: 200 });
  await talk(t, left, right);
  await Promise.all([left.bye(), right.ended()]);
  await office.ringdown.stop('SIGKILL');
  await office.ringdown.start();
  t.match(await left.call('202'), { status: 200 }, 'nobody registered again');
  await Promise.all([left.bye(), right.ended()]);
});

/** A mistake of whoever starts it: one line on standard error, with the cure, and exit status 2. */
interface Mistake {
  readonly name: string;
  readonly args: readonly string[];
  readonly says: RegExp;
}

t.test('a mistake is one clear line on standard error, with exit status 2', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringdown-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, 'data');
  const file = join(folder, 'file');
  writeFileSync(file, '');

  const udp = createSocket('udp4');
  udp.bind(0, '127.0.0.1');
  await once(udp, 'listening');
  t.teardown(() => udp.close());
  const tcp = createServer().listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  t.teardown(() => tcp.close());
  const bound = tcp.address();
  const tcpPort = String(bound !== null && typeof bound === 'object' ? bound.port : 0);
  const udpPort = String(udp.address().port);

  const free = await freePorts(['127.0.0.1'], 20);
  const ports = {
    '--sip-port': String(free),
    '--sips-port': String(free + 1),
    '--http-port': String(free + 2),
    '--https-port': String(free + 3),
    '--media-ports': `${free + 4}-${free + 19}`,
  };
  const serve = (changes: Readonly<Record<string, string>> = {}): readonly string[] => [
    'serve',
    ...Object.entries({ '--data': data, '--listen': '127.0.0.1', ...ports, ...changes }).flat(),
  ];
  const mistakes: readonly Mistake[] = [
    { name: 'SIP over UDP in use', args: serve({ '--sip-port': udpPort }), says: new RegExp(udpPort) },
    { name: 'SIP over TCP in use', args: serve({ '--sip-port': tcpPort }), says: new RegExp(tcpPort) },
    { name: 'SIP over TLS in use', args: serve({ '--sips-port': tcpPort }), says: new RegExp(tcpPort) },
    { name: 'HTTP in use', args: serve({ '--http-port': tcpPort }), says: new RegExp(tcpPort) },
    { name: 'HTTPS in use', args: serve({ '--https-port': tcpPort }), says: new RegExp(tcpPort) },
    { name: 'an address of another machine', args: serve({ '--listen': '192.0.2.77' }), says: /192\.0\.2\.77/ },
    { name: 'no address', args: serve({ '--listen': 'reception' }), says: /reception/ },
    { name: 'no folder of LANs', args: serve({ '--network': join(folder, 'lans') }), says: /lans.*--network/ },
    { name: 'a file for a directory', args: serve({ '--data': file }), says: new RegExp(file) },
    { name: 'a directory below a file', args: serve({ '--data': join(file, 'data') }), says: new RegExp(file) },
    { name: 'where nobody can write', args: serve({ '--data': '/proc/ringdown' }), says: /\/proc\/ringdown/ },
    { name: 'a port that is none', args: serve({ '--sip-port': '70000' }), says: /70000/ },
    { name: 'media ports that are none', args: serve({ '--media-ports': '9-1' }), says: /9-1/ },
    { name: 'an address without its public one', args: serve({ '--advertise': '127.0.0.1' }), says: /--advertise/ },
    { name: 'a name for a public address', args: serve({ '--advertise': '127.0.0.1=box' }), says: /--advertise "box"/ },
    { name: 'an unknown log level', args: serve({ '--log-level': 'loud' }), says: /--log-level "loud"/ },
    { name: 'a control socket that cannot be', args: serve({ '--control': `/${'x'.repeat(120)}` }), says: /--control/ },
    { name: 'no data directory', args: ['serve'], says: /--data/ },
    { name: 'an unknown option', args: [...serve(), '--frobnicate'], says: /--frobnicate/ },
    { name: 'an unknown command', args: ['frobnicate'], says: /frobnicate/ },
    { name: 'an extension that is no number', args: add('reception', data), says: /reception/ },
    { name: 'an extension without a place', args: ['extension', 'add', '201', '--name', 'A'], says: /--data/ },
  ];
  for (const { name, args, says } of mistakes) {
    const { status, stderr } = await runRingdown(args, 'only-for-tests\n');
    t.equal(status, 2, `${name}: exit status`);
    t.match(stderr, says, `${name}: says which`);
    t.match(stderr, /^[^\n]+\n$/, `${name}: one line`);
  }
});

function add(number: string, data: string): readonly string[] {
  return ['extension', 'add', number, '--name', 'Reception', '--password-stdin', '--data', data];
}

t.test('every command explains itself', async (t) => {
  for (const command of [[], ['serve'], ['extension'], ['extension', 'add'], ['settings'], ['settings', 'render']]) {
    const { status, stdout } = await runRingdown([...command, '--help']);
    t.equal(status, 0, `ringdown ${command.join(' ')} --help`);
    t.match(stdout, /Usage: ringdown/);
  }
});

t.test('the version is that of the package', async (t) => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  t.match(await runRingdown(['--version']), { status: 0, stdout: `${version}\n` });
});

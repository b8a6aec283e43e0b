import { join } from 'node:path';
import t, { type Test } from 'tap';
import { notedControlPath, requestCommand } from '../../firmware/console/control.ts';
import { testIdentity } from '../sip/support/stacks.ts';
import { reservePort } from '../support/free-ports.ts';
import { Ringdown } from '../support/ringdown.ts';
import { Sipp } from '../support/sipp.ts';
import { TlsDoor } from './tls-door.ts';

/** sipp is the carrier: it listens, and the box registers or asks. */
interface Carrier {
  readonly sipp: Sipp;
  readonly port: number;
  close(): void;
}

const WAIT_MS = 15_000;
const PASSWORD = 'carrier says so';

let ringdown: Ringdown;
t.before(async () => {
  ringdown = await Ringdown.create();
  // Makes the data directory.
  await ringdown.addExtension('201', 'Reception', 'only-for-tests-201');
  await ringdown.start();
  await box(['config', 'set', 'certificates.test', JSON.stringify({ pem: String(testIdentity.cert) })]);
});
t.teardown(() => ringdown.close());

/** A command inside the running box; what it prints. */
async function box(words: readonly string[], input = ''): Promise<string> {
  const path = notedControlPath(ringdown.dataDirectory) ?? '';
  const { status, output, errors } = await requestCommand(path, words, input);
  if (status !== 0) throw new Error(`${words.join(' ')}: ${errors}`);
  return output;
}

async function carrier(scenario: string, protocol: 'udp' | 'tcp' | 'tls', address: string): Promise<Carrier> {
  const below = protocol === 'udp' ? 'udp' : 'tcp';
  const { port, release } = await reservePort(address, below);
  const sipp = Sipp.start({
    scenario: join(import.meta.dirname, 'sipp', 'trunk', `${scenario}.xml`),
    protocol: below,
    address,
    port,
    remote: { address, port: ringdown.sipPort },
    keys: { contact: `sip:carrier@127.0.0.1:${port}` },
    receiveMs: WAIT_MS,
  });
  await sipp.ready();
  const door = protocol === 'tls' ? await TlsDoor.open(address, port) : undefined;
  return {
    sipp,
    port: door?.port ?? port,
    close: () => {
      door?.close();
      release();
    },
  };
}

/** Waits until the box says that the line is in that state. */
async function becomes(number: string, state: string): Promise<Record<string, unknown>> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const all = (await box(['lines', 'list', '--json'])).split('\n').filter((text) => text !== '');
    const line = all.map((text) => JSON.parse(text) as Record<string, unknown>).find((each) => each.line === number);
    if (line?.state === state) return line;
    if (performance.now() > deadline) throw new Error(`line ${number} is not ${state}: ${JSON.stringify(line)}`);
  }
}

let next = 1;

/** A line to a carrier of its own; in the end it is disabled, and sipp has had what its scenario says. */
async function withLine(
  t: Test,
  scenario: string,
  { protocol = 'udp', address = '127.0.0.1', registers = true }: Partial<LineOptions>,
  check: (number: string) => Promise<void>,
): Promise<void> {
  const number = String(next++);
  const other = await carrier(scenario, protocol, address);
  const way = { domain: 'carrier.example', proxy: address, port: other.port, transport: protocol };
  const line = { ...way, registers, userName: '4930555', expirySeconds: 600 };
  const path = (name: string): string => `lines.${number}.${name}`;
  try {
    await box(['config', 'set', `lines.${number}`, JSON.stringify({ ...line, enabled: false })]);
    await box(['config', 'set', path('password'), '-', path('enabled'), 'on'], PASSWORD);
    await check(number);
    await box(['config', 'set', path('enabled'), 'off']);
    const result = await other.sipp.result;
    t.equal(result.status, 0, scenario);
    if (result.status !== 0) t.comment(result.report);
  } catch (error) {
    await other.sipp.stop();
    t.comment((await other.sipp.result).report);
    t.comment(ringdown.report);
    throw error;
  } finally {
    other.close();
  }
}

interface LineOptions {
  readonly protocol: 'udp' | 'tcp' | 'tls';
  readonly address: string;
  readonly registers: boolean;
}

for (const protocol of ['udp', 'tcp', 'tls'] as const) {
  for (const address of ['127.0.0.1', '::1']) {
    t.test(`a line registers with a challenge over ${protocol} on ${address}, and unregisters`, async (t) => {
      await withLine(t, 'registrar', { protocol, address }, async (number) => {
        const line = await becomes(number, 'in-service');
        t.match(line, { lastAnswer: '200 OK', reason: '' });
      });
    });
  }
}

t.test('a carrier that wants longer registrations gets them', async (t) => {
  await withLine(t, 'too-brief', {}, async (number) => {
    t.match(await becomes(number, 'in-service'), { lastAnswer: '200 OK' });
  });
});

t.test('a refused password is told, once, and never what it is', async (t) => {
  await withLine(t, 'refused', {}, async (number) => {
    t.match(await becomes(number, 'out-of-service'), { reason: /403 Forbidden/ });
    const notices = await box(['notices']);
    t.match(notices, new RegExp(`line ${number} cannot register.*403 Forbidden.*Check its user name and password`));
    const exported = await box(['config', 'export']);
    t.match(exported, /4930555/);
    t.notOk([ringdown.log, notices, exported].some((text) => text.includes(PASSWORD)));
  });
});

t.test('a carrier that has enough is left alone for as long as it says', async (t) => {
  await withLine(t, 'overloaded', {}, async (number) => {
    t.match(await becomes(number, 'out-of-service'), { reason: /503/, lastAnswer: '503 Service Unavailable' });
  });
});

t.test('a peer without registration is asked by OPTIONS', async (t) => {
  await withLine(t, 'options', { registers: false }, async (number) => {
    t.match(await becomes(number, 'in-service'), { lastAnswer: '200 OK' });
  });
});

t.test('lines are shown to people too', async (t) => {
  t.match(await box(['status']), /^\d+ lines$/m);
  t.match(
    await box(['lines', 'list']),
    /^1 {2}disabled.* 0 of 10 channels\n {3}sip:127\.0\.0\.1:\d+;transport=udp {2}since 20/m,
  );
});

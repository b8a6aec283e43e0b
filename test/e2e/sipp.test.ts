import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Office, officeTest, passwordOf } from './office.ts';

interface SippResult {
  readonly status: number | null;
  /** Its screen, and the messages and errors that it logged. */
  readonly report: string;
}

/**
 * Debian's sipp (3.6) knows MD5 alone and looks at nothing but the first challenge, which RFC 8760 gives to SHA-256. So
 * it talks to the box through this UDP relay, which takes the other challenges out of what the box answers.
 */
async function relayWithMd5Only(box: { readonly host: string; readonly port: number }): Promise<Socket> {
  const relay = createSocket('udp4');
  let client: { readonly address: string; readonly port: number } | undefined;
  relay.on('message', (data, from) => {
    if (from.port !== box.port) {
      client = from;
      relay.send(data, box.port, box.host);
    } else if (client !== undefined) {
      const text = data.toString('latin1').replace(/WWW-Authenticate: [^\r]*algorithm=SHA-256[^\r]*\r\n/g, '');
      relay.send(Buffer.from(text, 'latin1'), client.port, client.address);
    }
  });
  relay.bind(0, '127.0.0.1');
  await once(relay, 'listening');
  return relay;
}

/** Runs a scenario of test/e2e/sipp against the box. Exit status 0 means that every call went as it says. */
async function sipp(office: Office, scenario: string, options: readonly string[]): Promise<SippResult> {
  const folder = mkdtempSync(join(tmpdir(), 'sipp-'));
  const relay = await relayWithMd5Only({ host: '127.0.0.1', port: office.ringdown.sipPort });
  const args = ['-sf', fileURLToPath(new URL(`./sipp/${scenario}.xml`, import.meta.url)), '-i', '127.0.0.1'];
  args.push('-nostdin', '-timeout', '10s', '-timeout_error', '-trace_msg', '-trace_err', ...options);
  try {
    return await new Promise((resolve, reject) => {
      const child = spawn('sipp', [...args, `127.0.0.1:${relay.address().port}`], { cwd: folder, stdio: 'pipe' });
      let screen = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (data: Buffer) => {
          screen = (screen + data.toString('latin1')).slice(-4000);
        });
      }
      child.on('error', (cause) => reject(new Error('sipp cannot be started: install sip-tester', { cause })));
      child.on('close', (status) => {
        const logs = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1').slice(-8000));
        resolve({ status, report: [screen, ...logs].join('\n') });
      });
    });
  } finally {
    relay.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

officeTest('sipp registers with digest', async (t, office) => {
  const { status, report } = await sipp(office, 'register', [
    ...['-m', '1', '-s', '201', '-au', '201', '-ap', passwordOf('201')],
  ]);
  t.equal(status, 0, 'every call went as the scenario says');
  if (status !== 0) t.comment(report);
});

officeTest('sipp registers with a wrong password and fails', async (t, office) => {
  const { status, report } = await sipp(office, 'register', ['-m', '1', '-s', '201', '-au', '201', '-ap', 'wrong']);
  t.not(status, 0);
  t.match(report, /Authorization: Digest/, 'it did answer the challenge');
});

/** As 201, which calls 202 as the scenario says, `count` times one after the other. */
function calls(count: number): readonly string[] {
  const login = ['-au', '201', '-ap', passwordOf('201'), '-auth_uri', '202@127.0.0.1'];
  return ['-m', String(count), '-l', '1', '-r', '10', '-s', '202', ...login];
}

for (const [title, scenario, count] of [
  ['calls a phone with digest, ten times in a row', 'caller', 10],
  ['holds a call and retrieves it', 'hold', 1],
  ['leaves the offer to the box and answers it in the ACK', 'late-offer', 2],
] as const) {
  officeTest(`sipp ${title}`, async (t, office) => {
    const phone = await office.registered('202', { localAddress: '::1', codecs: ['G729'], incoming: 'answer' });
    const { status, report } = await sipp(office, scenario, calls(count));
    t.equal(status, 0, 'every call went as the scenario says');
    if (status !== 0) t.comment(report);
    await phone.ended();
    const ends = [...(await phone.transcript()).matchAll(/received\]\nBYE /g)];
    t.equal(ends.length, count, 'as many calls came and ended');
    t.same(await office.mediaPortsLeft(), []);
  });
}

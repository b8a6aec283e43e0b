import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../firmware/core/clock.ts';
import { SipStack } from '../../firmware/sip/stack.ts';
import { silent, within } from './support/stacks.ts';

const missing = spawnSync('sipp', ['-v']).error !== undefined;

for (const [transport, protocol] of [
  ['u1', 'udp'],
  ['t1', 'tcp'],
] as const) {
  t.test(`twenty calls from sipp over ${protocol}`, { skip: missing ? 'sipp is not installed' : false }, async (t) => {
    const ended: string[] = [];
    const stack = await SipStack.open({
      listen: [{ protocol, address: '127.0.0.1', port: 0 }],
      userAgent: 'test',
      logger: silent,
      clock: systemClock,
      handlers: {
        onRequest: () => false,
        onInvite(invite) {
          invite.handlers = { onEnded: (cause) => ended.push(cause) };
          invite.provisional(180);
          invite.accept({ sdp: invite.offer ?? '' });
          return true;
        },
      },
    });
    const port = stack.listening[0]?.port ?? 0;
    const folder = mkdtempSync(join(tmpdir(), 'sipp-'));
    const options = ['-sn', 'uac', '-t', transport, '-m', '20', '-r', '50', '-d', '10', '-nostdin'];
    const sipp = spawn('sipp', [...options, '-i', '127.0.0.1', '-timeout', '20', `127.0.0.1:${port}`], {
      cwd: folder,
      stdio: 'ignore',
    });
    const status = await within(new Promise((resolve) => sipp.once('exit', resolve)), 'end of sipp', 25_000);
    t.equal(status, 0);
    t.same(ended, new Array(20).fill('bye-received'));
    await stack.close();
    rmSync(folder, { recursive: true });
  });
}

import { heading, median, report } from '../../support/bench-report.ts';
import { flood } from '../../support/flood.ts';
import { TestPhone } from '../../support/phone/test-phone.ts';
import { startRingdown } from './ringdown.ts';
import { FIRST_NUMBER, passwordOf, type Server } from './server.ts';

const PER_SECOND = 20_000;
const CALLS = 30;
const BOX = '127.0.0.1';
const [CALLER, CALLEE] = [String(FIRST_NUMBER), String(FIRST_NUMBER + 1)];

const REGISTER = Buffer.from(
  [
    'REGISTER sip:127.0.0.1 SIP/2.0',
    'Via: SIP/2.0/UDP 127.9.9.9:5060;rport;branch=z9hG4bK########',
    'Max-Forwards: 70',
    'From: <sip:########@127.0.0.1>;tag=########',
    'To: <sip:########@127.0.0.1>',
    'Call-ID: ########',
    'CSeq: 1 REGISTER',
    'Contact: <sip:########@127.9.9.9>',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n'),
);

/** How long calls of registered phones take until they are answered, alone and while one address floods the box. */
export async function floodedCalls(): Promise<void> {
  const server = await startRingdown();
  const caller = await phone(server, CALLER, '127.0.0.3');
  const callee = await phone(server, CALLEE, '127.0.0.4');
  try {
    await call(caller, callee);
    const alone = await calls(caller, callee, () => false);
    let isOver = false;
    const flooding = flood({
      ...{ address: BOX, port: server.port, from: '127.9.0.1', sources: 1, message: REGISTER },
      ...{ perSecond: PER_SECOND, count: 10 * PER_SECOND },
    }).finally(() => {
      isOver = true;
    });
    const flooded = await calls(caller, callee, () => isOver);
    await flooding;
    heading(`Calls of registered phones while one address sends ${PER_SECOND} requests a second`);
    report('set-up alone', alone.setUpMs, ' ms');
    report('set-up under the flood', flooded.setUpMs, ' ms');
    process.stdout.write(`ratio ${(median(flooded.setUpMs) / median(alone.setUpMs)).toFixed(2)}; `);
    process.stdout.write(
      `${flooded.failed} of ${flooded.setUpMs.length + flooded.failed} calls and registrations failed\n`,
    );
  } finally {
    await caller.close();
    await callee.close();
    await server.close();
  }
}

async function phone(server: Server, user: string, localAddress: string): Promise<TestPhone> {
  const started = await TestPhone.start({
    ...{ user, password: passwordOf(user), localAddress, server: BOX, serverPort: server.port },
    ...{ codecs: ['PCMA'], incoming: 'answer' },
  });
  const { status } = await started.register();
  if (status !== 200) throw new Error(`${user} is not registered: ${status}`);
  return started;
}

async function calls(caller: TestPhone, callee: TestPhone, isOver: () => boolean) {
  const setUpMs: number[] = [];
  let failed = 0;
  for (let count = 0; count < CALLS && !isOver(); count += 1) {
    const { status, tookMs } = await call(caller, callee);
    if (status === 200) setUpMs.push(tookMs);
    else failed += 1;
    if ((await callee.register()).status !== 200) failed += 1;
  }
  return { setUpMs, failed };
}

async function call(caller: TestPhone, callee: TestPhone) {
  const began = performance.now();
  const { status } = await caller.call(CALLEE);
  const tookMs = performance.now() - began;
  await callee.incomingCall();
  await caller.bye();
  await callee.ended();
  return { status, tookMs };
}

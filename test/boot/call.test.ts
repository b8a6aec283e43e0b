import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { type Lan, TestNetwork } from '../support/netns.ts';
import type { Phone, PhoneOptions } from '../support/phone/phone.ts';
import { RemotePhone } from '../support/phone/remote-phone.ts';
import { outputOf } from '../support/process-output.ts';
import { Box, type BoxOptions, makeDisk } from '../support/qemu.ts';
import {
  addExtension,
  BARE_NODE,
  BARE_NODE_URL,
  command,
  LAN1_IPV4,
  lanAddresses,
  logIn,
  logInFirst,
  logOut,
  powerOff,
  status,
} from './dialogue.ts';

const CONSOLE_PASSWORD = 'only-for-tests-console';
/** What a phone in another place needs to hear in time, however slow the emulated machine is. */
const HEARING_MS = 60_000;
const ROUNDS = 3;

t.setTimeout(1_150_000);

/** From the power-on of a new box to a transcoded call, and how long a later power-on takes. */
t.test('from power-on to a transcoded call', { timeout: 1_100_000 }, async (t) => {
  const network = TestNetwork.create();
  const boxes: Box[] = [];
  const phones: Phone[] = [];
  const start = (options: Omit<BoxOptions, 'network'>): Box => {
    const box = Box.start({ network, ...options });
    boxes.push(box);
    return box;
  };
  const phone = async (lan: Lan, options: Omit<PhoneOptions, 'serverPort'>): Promise<RemotePhone> => {
    const started = await RemotePhone.start({ serverPort: 5060, ...options }, network.prefix(lan));
    phones.push(started);
    return started;
  };
  let finished = false;
  try {
    await run(t, network, start, phone);
    finished = true;
  } finally {
    if (!finished || !t.passing()) {
      for (const box of boxes) t.comment(box.report);
      for (const each of phones) t.comment(await each.transcript().catch(String));
    }
    for (const each of phones) await each.close().catch((error: unknown) => t.comment(String(error)));
    for (const box of boxes) await box.close();
    network.close();
  }
});

async function run(
  t: Test,
  network: TestNetwork,
  start: (options: Omit<BoxOptions, 'network'>) => Box,
  phone: (lan: Lan, options: Omit<PhoneOptions, 'serverPort'>) => Promise<RemotePhone>,
): Promise<void> {
  const disk = await makeDisk('call');
  const box = start({ disk });
  await logInFirst(box, CONSOLE_PASSWORD);
  const { lan1, lan2 } = await lanAddresses(box);
  t.equal(lan1.ipv4, LAN1_IPV4);
  t.match(lan2.ipv6, /^fd/, 'a unique local address');
  const password = {
    '201': await addExtension(box, '201', 'Reception'),
    '202': await addExtension(box, '202', 'Workshop'),
  };

  const onLan1 = neighbourOf(lan1.ipv4);
  const onLan2 = neighbourOf(lan2.ipv6);
  network.addAddress('lan1', `${onLan1}/24`);
  network.addAddress('lan2', `${onLan2}/64`);
  const reception = await phone('lan1', {
    user: '201',
    password: password['201'],
    localAddress: onLan1,
    server: lan1.ipv4,
    codecs: ['PCMA'],
  });
  const workshop = await phone('lan2', {
    user: '202',
    password: password['202'],
    localAddress: onLan2,
    server: lan2.ipv6,
    codecs: ['G729'],
  });
  for (const each of [reception, workshop]) t.match(await each.register(), { status: 200, statuses: [401, 200] });
  t.equal((await status(box)).devices, 2);

  for (const [name, ends] of [
    ['the caller hangs up', [reception, workshop]],
    ['the called phone hangs up', [workshop, reception]],
  ] as const) {
    await reception.invite('202');
    t.match(await workshop.incomingCall(), { fromUri: /^sips?:201@/, offered: /G729/ });
    t.equal(await reception.ringing(), 180);
    const [outcome] = await Promise.all([reception.answered(), workshop.answer()]);
    t.match(outcome, { status: 200, codec: 'PCMA' });
    await Promise.all([reception.play('adbfc'), workshop.play('fcebd')]);
    const [toReception, toWorkshop] = await Promise.all([
      reception.hears('fcebd', HEARING_MS),
      workshop.hears('adbfc', HEARING_MS),
    ]);
    t.notMatch(toReception.notes, 'adbfc', 'no echo');
    t.notMatch(toWorkshop.notes, 'fcebd', 'no echo');
    t.same([toReception.malformed, toWorkshop.malformed], [0, 0], 'every packet is whole');
    t.comment(`packets received, lost: LAN1 ${describe(toReception)}; LAN2 ${describe(toWorkshop)}`);
    await reception.pressKey('5');
    t.match(await workshop.receivesKey('5', HEARING_MS), { digit: '5' });
    t.match(await status(box), { calls: 1, devices: 2 });
    const [first, second] = ends;
    const [byeStatus] = await Promise.all([first.bye(), second.ended()]);
    t.equal(byeStatus, 200, name);
    t.match(await status(box), { calls: 0, mediaSessions: 0 }, 'the media ports are free again');
  }

  t.match(await command(box, 'extension list'), /201\s+Reception\n202\s+Workshop/);
  await logOut(box);
  t.equal(await logIn(box, 'wrong-password'), false, 'the console wants its password');
  t.equal(await logIn(box, CONSOLE_PASSWORD), true);
  await powerOff(box);
  t.notMatch(box.serial.transcript, /board: /, 'no service failed');

  await measure(t, network, start, disk, reception, workshop);
}

/** The time from power-on to a registered phone, against a bare Node HTTP server on the same image. */
async function measure(
  t: Test,
  network: TestNetwork,
  start: (options: Omit<BoxOptions, 'network'>) => Box,
  disk: string,
  reception: Phone,
  workshop: Phone,
): Promise<void> {
  const registered: number[] = [];
  const bare: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const box = start({ disk });
    t.equal(await reception.registerWhenReachable(180_000), 200, 'REGISTER is answered');
    registered.push(performance.now() - box.startedAtMs);
    if (round === 1) {
      // 202 registered before the power went: its binding is on the disk.
      await reception.invite('202');
      await workshop.incomingCall();
      await Promise.all([reception.answered(), workshop.answer()]);
      await Promise.all([reception.bye(), workshop.ended()]);
    }
    t.equal(await logIn(box, CONSOLE_PASSWORD), true, 'the console is there too');
    await powerOff(box);

    const yardstick = start({ disk, kernelParameters: BARE_NODE });
    const probe = fileURLToPath(new URL('../support/http-probe.ts', import.meta.url));
    const [file = '', ...args] = [...network.prefix('lan1'), process.execPath, probe, BARE_NODE_URL, '180000'];
    await outputOf(file, args, undefined, 200_000);
    bare.push(performance.now() - yardstick.startedAtMs);
    await yardstick.close();
  }
  t.equal(registered.length, bare.length);
  const [box, node] = [median(registered), median(bare)];
  t.comment(`power-on to 200 OK for REGISTER: ${seconds(box)} (${registered.map(seconds).join(', ')})`);
  t.comment(`power-on to a bare Node HTTP answer: ${seconds(node)} (${bare.map(seconds).join(', ')})`);
  t.comment(`ratio: ${(box / node).toFixed(2)}`);
}

/** The address of the phone beside a box: host 50 in the box's network. */
function neighbourOf(address: string): string {
  return address.includes(':') ? address.replace(/::1$/, '::50') : address.replace(/\.1$/, '.50');
}

function describe({ packets, lost }: { readonly packets: number; readonly lost: number }): string {
  return `${packets}, ${lost}`;
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? Number.NaN;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

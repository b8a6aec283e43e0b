import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import type { Lan } from '../support/netns.ts';
import type { Phone } from '../support/phone/phone.ts';
import { outputOf } from '../support/process-output.ts';
import { makeDisk } from '../support/qemu.ts';
import { type Bench, bootTest } from './boot-test.ts';
import {
  addExtension,
  BARE_NODE,
  BARE_NODE_URL,
  command,
  LAN1_IPV4,
  type LanAddresses,
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

bootTest('from power-on to a transcoded call, and how long a later power-on takes', async (t, bench) => {
  const disk = await makeDisk('call');
  const box = bench.start({ disk });
  await logInFirst(box, CONSOLE_PASSWORD);
  const { lan1, lan2 } = await lanAddresses(box);
  t.equal(lan1.ipv4, LAN1_IPV4);
  t.match(lan2.ipv6, /^fd/, 'a unique local address');
  const password = {
    '201': await addExtension(box, '201', 'Reception'),
    '202': await addExtension(box, '202', 'Workshop'),
  };

  const reception = await bench.phone('lan1', {
    user: '201',
    password: password['201'],
    server: lan1.ipv4,
    codecs: ['PCMA'],
  });
  const workshop = await bench.phone('lan2', {
    user: '202',
    password: password['202'],
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

  await fetchFiles(t, bench, { lan1, lan2 });

  t.match(await command(box, 'extension list'), /201\s+Reception\n202\s+Workshop/);
  await logOut(box);
  t.equal(await logIn(box, 'wrong-password'), false, 'the console wants its password');
  t.equal(await logIn(box, CONSOLE_PASSWORD), true);
  t.notMatch(box.serial.transcript, /board: /, 'no step and no service of the board failed');
  await powerOff(box);

  await measure(t, bench, disk, reception, workshop);
});

/** The settings file over each LAN, by IPv4 and IPv6, by HTTP and by HTTPS under the authority that the box gives out. */
async function fetchFiles(t: Test, bench: Bench, lans: Readonly<Record<Lan, LanAddresses>>): Promise<void> {
  const program = fileURLToPath(new URL('../support/fetch-file.ts', import.meta.url));
  const fetchFile = async (lan: Lan, url: string, ...authority: readonly string[]): Promise<string> => {
    const [file = '', ...args] = [...bench.network.prefix(lan), process.execPath, program, url, ...authority];
    return String(await outputOf(file, args, undefined, HEARING_MS));
  };
  // Those that no phone of this test has.
  bench.network.addAddress('lan1', `${lans.lan1.ipv6.replace(/::1$/, '::51')}/64`);
  bench.network.addAddress('lan2', `${lans.lan2.ipv4.replace(/\.1$/, '.51')}/24`);
  const authority = join(mkdtempSync(join(tmpdir(), 'ringdown-authority-')), 'authority.pem');
  t.teardown(() => rmSync(dirname(authority), { recursive: true }));
  writeFileSync(authority, await fetchFile('lan1', `http://${lans.lan1.ipv4}/WebRootCA.pem`));
  for (const lan of ['lan1', 'lan2'] as const) {
    const { ipv4, ipv6 } = lans[lan];
    for (const host of [ipv4, `[${ipv6}]`]) {
      for (const text of [
        await fetchFile(lan, `http://${host}/46xxsettings.txt`),
        await fetchFile(lan, `https://${host}/46xxsettings.txt`, authority),
      ]) {
        t.match(text, new RegExp(`^SET SIPDOMAIN ${host.replace(/[[\].]/g, '\\$&')}$`, 'm'), `${lan} ${host}`);
        t.match(text, /^# END$/m);
      }
    }
  }
}

/** The time from power-on to a registered phone, against a bare Node HTTP server on the same image. */
async function measure(t: Test, bench: Bench, disk: string, reception: Phone, workshop: Phone): Promise<void> {
  const registered: number[] = [];
  const bare: number[] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const box = bench.start({ disk });
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

    const yardstick = bench.start({ disk, kernelParameters: BARE_NODE });
    const probe = fileURLToPath(new URL('../support/http-probe.ts', import.meta.url));
    const [file = '', ...args] = [...bench.network.prefix('lan1'), process.execPath, probe, BARE_NODE_URL, '180000'];
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

function describe({ packets, lost }: { readonly packets: number; readonly lost: number }): string {
  return `${packets}, ${lost}`;
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? Number.NaN;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

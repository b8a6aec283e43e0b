import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import type { Lan } from '../support/netns.ts';
import { outputOf } from '../support/process-output.ts';
import { makeDisk } from '../support/qemu.ts';
import type { SippResult } from '../support/sipp.ts';
import { SippDevice } from '../support/sipp-device.ts';
import { type Bench, bootTest } from './boot-test.ts';
import { addExtension, type LanAddresses, lanAddresses, logInFirst, powerOff, servesTls } from './dialogue.ts';

const CONSOLE_PASSWORD = 'only-for-tests-console';
/** QEMU is software emulation on a machine with other things to do. */
const RECEIVE_MS = 60_000;
const TIMEOUT_MS = 180_000;
const FETCH_MS = 60_000;
const PORTS = { UDP: 5060, TCP: 5060, TLS: 5061 } as const;
type Via = keyof typeof PORTS;

/** Where an extension is: the LANs and families between them have each transport. */
const PLACES = [
  { extension: '201', lan: 'lan1', family: 'ipv4' },
  { extension: '202', lan: 'lan2', family: 'ipv6' },
  { extension: '203', lan: 'lan1', family: 'ipv6' },
  { extension: '204', lan: 'lan2', family: 'ipv4' },
] as const;
type Place = (typeof PLACES)[number];

const CALLS = [
  { caller: '201', callerVia: 'UDP', callee: '202', calleeVia: 'TLS' },
  { caller: '204', callerVia: 'TLS', callee: '203', calleeVia: 'UDP' },
  { caller: '203', callerVia: 'TCP', callee: '204', calleeVia: 'TCP' },
] as const;

bootTest('sipp registers, follows and calls over both LANs, both families and each transport', async (t, bench) => {
  const box = bench.start({ disk: await makeDisk('sipp') });
  await logInFirst(box, CONSOLE_PASSWORD);
  const lans = await lanAddresses(box);
  const passwords = new Map<string, string>();
  for (const { extension } of PLACES) {
    passwords.set(extension, await addExtension(box, extension, `Phone-${extension}`));
  }
  await servesTls(
    box,
    [lans.lan1, lans.lan2].flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]),
  );
  const authority = await authorityOf(bench, lans.lan1.ipv4);
  const devices = new Map<string, SippDevice>();
  t.teardown(() => {
    for (const device of devices.values()) device.close();
  });
  for (const [index, place] of PLACES.entries()) {
    const address = addressFor(bench, lans, place);
    for (const [nth, via] of (['UDP', 'TCP', 'TLS'] as const).entries()) {
      const { extension, lan, family } = place;
      const device = await SippDevice.create({
        ...{ extension, via, address, authority, receiveMs: RECEIVE_MS, timeoutMs: TIMEOUT_MS },
        password: passwords.get(extension) ?? '',
        port: 5070 + 2 * (3 * index + nth),
        box: { address: lans[lan][family], port: PORTS[via] },
        prefix: bench.network.prefix(lan),
      });
      devices.set(`${extension} ${via}`, device);
    }
  }
  const device = (extension: string, via: Via): SippDevice => {
    const found = devices.get(`${extension} ${via}`);
    if (found === undefined) throw new Error(`there is no ${extension} over ${via}`);
    return found;
  };

  for (const { extension, lan, family } of PLACES) {
    await device(extension, 'UDP').introduce();
    for (const via of ['UDP', 'TCP', 'TLS'] as const) {
      const registered = await device(extension, via).run('register/bind', extension);
      went(t, registered, `${extension} registers on ${lan} over ${via}, ${family}`);
    }
    went(t, await device(extension, 'TLS').run('options/outside', extension), 'OPTIONS');
    went(t, await device(extension, 'TCP').run('subscribe/refresh', extension), 'a subscription');
    went(t, await device(extension, 'UDP').run('refusal/require', extension), 'what is not there');
  }
  for (const { caller, callerVia, callee, calleeVia } of CALLS) {
    const title = `${caller} over ${callerVia} calls ${callee} over ${calleeVia}`;
    const [left, right] = [device(caller, callerVia), device(callee, calleeVia)];
    went(t, await right.run('register/bind', callee), `${callee} registers anew`);
    for (const [calling, called] of [
      ['call/called-hangs-up', 'call/answer-and-hang-up'],
      ['call/cancel', 'call/cancelled'],
      ['call/hold', 'call/answer-any'],
    ] as const) {
      const listening = await right.listen(called, caller);
      const results = await Promise.all([left.run(calling, callee), listening.result]);
      for (const result of results) went(t, result, `${title}: ${calling}`);
    }
  }
  await powerOff(box);
});

function went(t: Test, { status, report }: SippResult, title: string): void {
  if (!t.equal(status, 0, title)) t.comment(report);
}

/** Gives the phones of a LAN one more address, that of host 60 of the box's network, and returns it. */
function addressFor({ network }: Bench, lans: Readonly<Record<Lan, LanAddresses>>, { lan, family }: Place): string {
  const own = lans[lan][family];
  const address = family === 'ipv6' ? own.replace(/::1$/, '::60') : own.replace(/\.1$/, '.60');
  network.addAddress(lan, `${address}/${family === 'ipv6' ? 64 : 24}`);
  return address;
}

async function authorityOf(bench: Bench, host: string): Promise<string> {
  // The LAN has no address of its own before this.
  bench.network.addAddress('lan1', `${host.replace(/\.1$/, '.51')}/24`);
  const program = fileURLToPath(new URL('../support/fetch-file.ts', import.meta.url));
  const [file = '', ...args] = [...bench.network.prefix('lan1'), process.execPath, program];
  return String(await outputOf(file, [...args, `http://${host}/WebRootCA.pem`], undefined, FETCH_MS));
}

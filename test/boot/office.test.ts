import { AS_CARRIER, CALL_SCENARIOS } from '../support/call-scenarios.ts';
import { RemotePhone } from '../support/phone/remote-phone.ts';
import { makeDisk } from '../support/qemu.ts';
import { bootTest } from './boot-test.ts';
import { addExtension, command, lanAddresses, logInFirst, powerOff, status } from './dialogue.ts';

const CONSOLE_PASSWORD = 'only-for-tests-console';
/** QEMU is software emulation on a machine with other things to do. */
const HEARING_MS = 60_000;

bootTest('what an office does with calls, through the booted image', async (t, bench) => {
  const box = bench.start({ disk: await makeDisk('office') });
  await logInFirst(box, CONSOLE_PASSWORD);
  const { lan1, lan2 } = await lanAddresses(box);
  const passwords = new Map<string, string>();
  for (const extension of ['201', '202', '203'])
    passwords.set(extension, await addExtension(box, extension, `Phone-${extension}`));
  const options = (user: string, server: string) => ({
    ...{ user, password: passwords.get(user) ?? '', server, takesOffers: true },
    codecs: ['PCMA'] as const,
  });
  const reception = await bench.phone('lan1', options('201', lan1.ipv4));
  const workshop = await bench.phone('lan2', options('202', lan2.ipv6));
  const warehouse = await bench.phone('lan1', options('203', lan1.ipv6));
  for (const phone of [reception, workshop, warehouse]) t.match(await phone.register(), { status: 200 });
  const address = lan1.ipv4.replace(/\.1$/, '.60');
  bench.network.addAddress('lan1', `${address}/24`);
  const [port, serverPort] = [5070, 5060];
  const asCarrier = { ...options('201', lan1.ipv4), ...AS_CARRIER, localAddress: address, sipPort: port, serverPort };
  const carrier = await RemotePhone.start(asCarrier, bench.network.prefix('lan1'));
  const others: RemotePhone[] = [carrier];
  t.teardown(() => Promise.all(others.map((phone) => phone.close())));
  for (const { title, run } of CALL_SCENARIOS) {
    t.comment(title);
    await run(t, {
      ...{ reception, workshop, warehouse, hearingMs: HEARING_MS },
      carrier: { phone: carrier, address, port },
      another: async () => {
        const localAddress = lan1.ipv4.replace(/\.1$/, '.50');
        const more = { ...options('201', lan1.ipv4), localAddress, serverPort: 5060 };
        const phone = await RemotePhone.start(more, bench.network.prefix('lan1'));
        others.push(phone);
        return phone;
      },
      configure: async (...settings) => {
        const words = settings.map((word) => (/[^\w.]/.test(word) ? `'${word}'` : word));
        t.notMatch(await command(box, `config set ${words.join(' ')}`), /invalid|not |unknown/i);
      },
    });
    t.match(await status(box), { calls: 0, devices: 3 }, title);
  }
  await powerOff(box);
});

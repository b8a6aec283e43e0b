import { spawnSync } from 'node:child_process';
import t from 'tap';
import { type Lan, TestNetwork } from './netns.ts';
import type { PhoneOptions } from './phone/phone.ts';
import { RemotePhone } from './phone/remote-phone.ts';
import { runAsRoot } from './privilege.ts';
import { outputOf } from './process-output.ts';

const BASE = { password: 'secret', serverPort: 9, codecs: ['PCMA'] } as const;

/** Those of `names` that exist. */
function existing(names: readonly string[]): readonly string[] {
  const there = new Set(runAsRoot('ip', 'netns', 'list').split(/\s+/));
  return names.filter((name) => there.has(name));
}

t.test('a phone on each LAN, and neither sees the other', async (t) => {
  const network = TestNetwork.create();
  t.teardown(() => network.close());
  network.addAddress('lan1', '192.0.2.1/24');
  network.addAddress('lan1', '192.0.2.2/24');
  network.addAddress('lan2', 'fd00:43::50/64');
  network.addAddress('lan2', 'fd00:43::51/64');
  const start = async (lan: Lan, options: PhoneOptions): Promise<RemotePhone> => {
    const phone = await RemotePhone.start(options, network.prefix(lan));
    t.teardown(() => phone.close());
    return phone;
  };
  const addresses: readonly (readonly [Lan, string, string])[] = [
    ['lan1', '192.0.2.1', '192.0.2.2'],
    ['lan2', 'fd00:43::50', 'fd00:43::51'],
  ];
  for (const [lan, address, other] of addresses) {
    const first = await start(lan, { ...BASE, user: 'first', localAddress: address, server: address });
    const contact = await contactOf(first);
    const second = await start(lan, {
      ...BASE,
      user: 'second',
      localAddress: other,
      server: contact.host,
      serverPort: contact.port,
    });
    t.equal(await second.options(), 200, `a request passes on ${lan}`);
  }
  const ping = [...network.prefix('lan1'), 'ping', '-c', '1', '-W', '1', 'fd00:43::50'];
  await t.rejects(outputOf(ping[0] ?? '', ping.slice(1)), 'the other LAN is out of reach');
  t.equal(existing(network.namespaces).length, 3);
  network.close();
  t.same(existing(network.namespaces), [], 'nothing is left');
});

/** Where a phone can be reached, from the message that it would send. */
async function contactOf(phone: RemotePhone): Promise<{ host: string; port: number }> {
  await phone.invite('nobody');
  const match = /\r\nContact: <sip:first@(\[[^\]]+\]|[^:]+):([0-9]+)/.exec(await phone.transcript());
  if (match === null) throw new Error('no Contact was sent');
  return { host: (match[1] ?? '').replace(/[[\]]/g, ''), port: Number(match[2]) };
}

t.test('a test that is interrupted leaves nothing', async (t) => {
  const script = `
    import { TestNetwork } from ${JSON.stringify(new URL('./netns.ts', import.meta.url).href)};
    process.stdout.write(TestNetwork.create().namespaces.join(' '));
    process.kill(process.pid, 'SIGTERM');
    setInterval(() => undefined, 1000);
  `;
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
    encoding: 'utf8',
  });
  t.equal(status, 143);
  t.equal(stdout.split(' ').length, 3);
  t.same(existing(stdout.split(' ')), []);
});

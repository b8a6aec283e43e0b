import { once } from 'node:events';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import { takenUdpPorts } from '../support/free-ports.ts';
import type { TestPhone } from '../support/phone/test-phone.ts';
import { Ringdown } from '../support/ringdown.ts';
import { type Office, officeTest, talk } from './office.ts';
import { answerTo, fetch, optionsOver, sipOverTls } from './tls-client.ts';

const ADDRESSES = ['127.0.0.1', '127.0.0.2', '::1'];
const CHANGE_MS = 20_000;
const CERTIFICATE_MS = 30_000;

/** A box that follows LAN files, as the board writes them. */
class Lans {
  #directory = '';

  readonly create = async (t: Test): Promise<Ringdown> => {
    this.#directory = t.testdir();
    const ringdown = await Ringdown.create(ADDRESSES, this.#directory);
    this.write('lan1', '127.0.0.1/8');
    return ringdown;
  };

  write(lan: 'lan1' | 'lan2', ...addresses: readonly string[]): void {
    const file = join(this.#directory, lan);
    if (addresses.length === 0) {
      rmSync(file);
      return;
    }
    writeFileSync(`${file}.new`, addresses.map((address) => `${address}\n`).join(''));
    renameSync(`${file}.new`, file);
  }

  /** Nothing that a writer should do. */
  spoil(): void {
    writeFileSync(join(this.#directory, 'lan1'), '127.0.0.1/8\n127.0.0');
    mkdirSync(join(this.#directory, 'lan2'));
    rmSync(join(this.#directory, 'lan2'), { recursive: true });
  }
}

function lansTest(name: string, run: (t: Test, office: Office, lans: Lans) => Promise<void>): void {
  const lans = new Lans();
  officeTest(name, (t, office) => run(t, office, lans), lans.create);
}

/** The error of a connection, or that there is one. */
async function connection(port: number, host: string): Promise<string> {
  const socket = connect({ host, port, timeout: 10_000 });
  try {
    await once(socket, 'connect');
    return 'connected';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  } finally {
    socket.destroy();
  }
}

/** Another pair of sequences than `talk` has, so that what was heard before cannot stand for it. */
async function talkOn(left: TestPhone, right: TestPhone): Promise<void> {
  await Promise.all([left.play('cfbda'), right.play('debfc')]);
  await Promise.all([left.hears('debfc'), right.hears('cfbda')]);
}

lansTest(
  'LAN1 moves to another address: what is there goes on, what was on the old one ends',
  async (t, office, lans) => {
    const { ringdown } = office;
    const { sips, http, https } = ringdown.ports;
    const early = await office.registered('201', { transport: 'tcp' });
    const { body: authority } = await fetch(office, '/WebRootCA.pem', '127.0.0.1');
    const secure = await sipOverTls(office, '127.0.0.1', authority);
    t.match(await connection(ringdown.sipPort, '127.0.0.2'), 'ECONNREFUSED', 'only the address in the file is served');

    lans.write('lan1', '127.0.0.1/8', '127.0.0.2/8');
    await ringdown.logs(/"opened":\[[^\]]*"tcp 127\.0\.0\.2"/, CHANGE_MS);
    const on2 = { localAddress: '127.0.0.2' };
    const left = await office.registered('202', on2);
    const right = await office.registered('203', { ...on2, transport: 'tcp', codecs: ['G729'], incoming: 'answer' });
    await ringdown.logs(/"opened":\[[^\]]*"https 127\.0\.0\.2"/, CERTIFICATE_MS);
    t.equal((await fetch(office, '/WebRootCA.pem', '127.0.0.2')).body, authority, 'the authority stays');
    const settings = await fetch(office, '/46xxsettings.txt', '127.0.0.2', authority);
    t.match(settings, {
      status: 200,
      body: new RegExp(`^SET SIP_CONTROLLER_LIST 127\\.0\\.0\\.2:${sips};transport=tls$`, 'm'),
    });
    const secureOn2 = await sipOverTls(office, '127.0.0.2', authority);
    t.equal(secureOn2.authorized, true, 'the certificate names the new address');
    t.match(await answerTo(secure, optionsOver(secure, '127.0.0.1')), /^SIP\/2\.0 200 /, 'the older connection stands');

    t.match(await left.call('203'), { status: 200 });
    await talk(t, left, right);
    lans.spoil();
    const secureEnds = once(secure.resume(), 'close');
    lans.write('lan1', '127.0.0.2/8');
    await ringdown.logs(/"closed":\["127\.0\.0\.1"\]/, CHANGE_MS);
    await talkOn(left, right);
    t.match(await answerTo(secureOn2, optionsOver(secureOn2, '127.0.0.2')), /^SIP\/2\.0 200 /);
    await secureEnds;
    t.same(await takenUdpPorts('127.0.0.1', ringdown.sipPort, ringdown.sipPort), [], 'no SIP over UDP on the old one');
    for (const port of [ringdown.sipPort, sips, http, https]) {
      t.equal(await connection(port, '127.0.0.1'), 'ECONNREFUSED', `nor TCP port ${port}`);
    }
    t.equal(await left.bye(), 200);
    await right.ended();
    t.match(await left.call('201'), { status: 480 }, 'the phone that was there is away');
    await early.close();

    lans.write('lan2', '::1/128');
    await ringdown.logs(/"opened":\[[^\]]*"https ::1"/, CERTIFICATE_MS);
    const back = await office.registered('201', { localAddress: '::1' });
    t.match(await back.call('203'), { status: 200 }, 'between the LANs, as soon as there are two');
    await talk(t, back, right);
    await Promise.all([back.bye(), right.ended()]);
    t.same(await office.mediaPortsLeft(), []);
    secureOn2.destroy();
  },
);

lansTest('a call over an address that goes ends on both sides', async (t, office, lans) => {
  lans.write('lan2', '127.0.0.2/8');
  await office.ringdown.logs(/"opened":\[[^\]]*"tcp 127\.0\.0\.2"/, CHANGE_MS);
  const going = await office.registered('201');
  const staying = await office.registered('202', { localAddress: '127.0.0.2', incoming: 'answer' });
  t.match(await going.call('202'), { status: 200 });
  await talk(t, going, staying);
  lans.write('lan1');
  await Promise.all([going.ended(), staying.ended()]);
  await office.ringdown.logs(/"closed":\["127\.0\.0\.1"\]/, CHANGE_MS);
  t.same(await office.mediaPortsLeft(), [], 'and its ports are free');
  t.equal(await staying.options(), 200);
  t.equal(office.ringdown.running, true);
});

lansTest('an address that this machine does not have yet does not hold up the others', async (t, office, lans) => {
  lans.write('lan2', '192.0.2.77/24', '127.0.0.2/8');
  await office.ringdown.logs(/"address":"192\.0\.2\.77".*cannot listen yet/, CHANGE_MS);
  await office.ringdown.logs(/"opened":\[[^\]]*"tcp 127\.0\.0\.2"/, CHANGE_MS);
  const phone = await office.registered('202', { localAddress: '127.0.0.2' });
  t.equal(await phone.options(), 200);
  await office.ringdown.stop();
  await office.ringdown.start();
  t.equal(await phone.options(), 200, 'nor does it at the start');
  t.match(await office.ringdown.stop(), { status: 0 });
});

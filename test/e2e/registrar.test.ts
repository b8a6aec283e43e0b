import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openDatabase } from '../../firmware/config/database.ts';
import { requestCommand } from '../../firmware/console/control.ts';
import { TestPhone } from '../support/phone/test-phone.ts';
import { runRingdown } from '../support/ringdown.ts';
import { type Extension, Office } from './office.ts';
import { RegisteringPeer } from './registering-peer.ts';

const DESKTOP = 'User-Agent: Avaya Communicator/3.0 (3.30.0.1; Avaya CSDK; Microsoft Windows NT 10.0)';
const INSTANCE = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"';

/** One box for all of these: what a test edits it takes back, and no device outlives it. */
const shared = await Office.open();
t.teardown(() => shared.close());

type Device = (extension: Extension, transport?: 'udp' | 'tcp') => Promise<RegisteringPeer>;

/** A test with devices that are logged out after it. */
function registrarTest(name: string, run: (t: Test, office: Office, device: Device) => Promise<void>): void {
  t.test(name, async (t) => {
    const opened: RegisteringPeer[] = [];
    let finished = false;
    try {
      await run(t, shared, async (extension, transport) => {
        const peer = await RegisteringPeer.open(shared.ringdown, extension, transport);
        opened.push(peer);
        return peer;
      });
      finished = true;
    } finally {
      if (!finished || !t.passing()) t.comment(await shared.report());
      for (const peer of opened) peer.close();
      for (const extension of ['201', '202', '203']) await inside(shared, 'devices', 'forget', extension);
    }
  });
}

async function set(office: Office, path: string, value: string): Promise<void> {
  const args = ['config', 'set', path, value, '--data', office.ringdown.dataDirectory];
  const { status, stderr } = await runRingdown(args);
  if (status !== 0) throw new Error(stderr);
}

/** What a command inside the box prints. */
async function inside(office: Office, ...words: readonly string[]): Promise<string> {
  const { output, errors } = await requestCommand(join(office.ringdown.dataDirectory, 'control.sock'), words);
  return output + errors;
}

/** Waits until the bindings on the disk are these, by Contact: those of a test before may stand there for a second yet. */
async function written(office: Office, ...contacts: readonly string[]): Promise<void> {
  const database = openDatabase(join(office.ringdown.dataDirectory, 'bindings.db'), 'NORMAL');
  const select = database.prepare<[], string>('SELECT contact FROM bindings ORDER BY aor, position').pluck();
  const deadline = performance.now() + 10_000;
  try {
    while (select.all().join() !== contacts.join()) {
      if (performance.now() > deadline) throw new Error(`the disk has ${select.all()}, not ${contacts}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  } finally {
    database.close();
  }
}

registrarTest('the newest device of a class wins, and the other one is told', async (t, office, device) => {
  const [old, desktop, young] = [await device('202'), await device('202'), await device('202')];
  t.equal((await old.ask('REGISTER')).status, 200);
  t.equal((await desktop.ask('REGISTER', { headers: [DESKTOP] })).status, 200);
  const subscribed = await old.ask('SUBSCRIBE', { callId: 'sub', headers: ['Event: reg', 'Expires: 600'] });
  t.equal(subscribed.status, 200);
  const first = await old.told('NOTIFY');
  t.match(first, /\r\nEvent: reg\r\nSubscription-State: active;expires=600\r\n/);
  t.match(first, /version="0" state="full">[\s\S]*state="active" event="registered"[\s\S]*state="active"/);
  const { all, status } = await young.ask('REGISTER');
  t.equal(status, 200);
  t.same(
    all('Contact').map((value) => /<([^>]*)>/.exec(value)?.[1]),
    [young, desktop].map(({ contact }) => contact.slice(1, -1)),
  );
  const second = await old.told('NOTIFY');
  t.match(second, /version="1"/);
  t.match(
    second,
    new RegExp(`state="terminated" event="rejected"[^>]*><uri>sip:202@127\\.0\\.0\\.1:${old.peer.port}<`),
  );
  await office.ringdown.logs(/another device took its place/, 5000);
});

registrarTest('a device follows its own extension alone, and must prove who it is', async (t, _office, device) => {
  const phone = await device('202');
  t.equal((await phone.ask('SUBSCRIBE', { headers: ['Event: reg'], password: 'wrong-password' })).status, 401);
  const uri = `sip:201@127.0.0.1`;
  t.equal((await phone.ask('SUBSCRIBE', { uri, to: '201', callId: 'b', headers: ['Event: reg'] })).status, 403);
  t.equal((await phone.ask('SUBSCRIBE', { callId: 'c', headers: ['Event: message-summary'] })).status, 200);
  const told = await phone.told('NOTIFY');
  t.match(told, /\r\n\r\nMessages-Waiting: no\r\nMessage-Account: sip:202@[^\r]+\r\nVoice-Message: 0\/0 \(0\/0\)\r\n$/);
});

registrarTest('an edit of the account logs a device out and its subscriptions end', async (t, office, device) => {
  const phone = await device('202');
  t.equal((await phone.ask('REGISTER')).status, 200);
  await phone.ask('SUBSCRIBE', { callId: 'sub', headers: ['Event: reg'] });
  await phone.told('NOTIFY');
  await set(office, 'users.202.enabled', 'false');
  t.match(await phone.peer.next(/^NOTIFY [\s\S]*Subscription-State: terminated;reason=rejected/), /^NOTIFY/);
  const refused = await phone.ask('REGISTER');
  t.equal(refused.status, 403);
  t.same(refused.all('Warning'), ['399 ringdown "the account of user 202 is not enabled"']);
  t.equal(await inside(office, 'devices', 'list'), 'No device is registered.\n');
  await set(office, 'users.202.enabled', 'true');
});

registrarTest(
  'an extension is registered from its networks alone, and nobody learns that there is such a rule',
  async (t, office, device) => {
    const phone = await device('203');
    await set(office, 'extensions.203.addressRestriction', '["192.0.2.0/24"]');
    const outside = await phone.ask('REGISTER');
    const wrong = await (await device('201')).ask('REGISTER', { password: 'wrong-password' });
    const shape = (text: string) =>
      text
        .replace(/\d+/g, '0')
        .replace(/nonce="[^"]*"|tag=[^\r;]*/g, '')
        .split('\r\n')
        .filter((line) => !/^(?:via|from|to|call-id|cseq):/i.test(line));
    t.equal(outside.status, 401);
    t.same(shape(outside.text), shape(wrong.text));
    await set(office, 'extensions.203.addressRestriction', '["127.0.0.0/8"]');
    t.equal((await phone.ask('REGISTER')).status, 200);
    await set(office, 'extensions.203.addressRestriction', '[]');
  },
);

registrarTest(
  'bindings are all there after the box was killed, with their flows, GRUUs and times',
  async (t, office, device) => {
    const phone = await device('202');
    const contact = `<sip:202@127.0.0.1:${phone.peer.port}>;q=0.7;expires=900;${INSTANCE};audio`;
    const headers = ['Supported: gruu, outbound, path'];
    const asked = performance.now();
    const before = await phone.ask('REGISTER', { contact, headers });
    const answered = performance.now();
    t.match(
      before.all('Contact')[0],
      /;q=0\.7;.*pub-gruu="sip:202@127\.0\.0\.1;gr=urn:uuid:[^"]+";temp-gruu="sip:tgruu\./,
    );
    const overTcp = await device('201', 'tcp');
    const tcpUri = `sip:201@127.0.0.1:${overTcp.peer.port};transport=tcp`;
    t.equal((await overTcp.ask('REGISTER', { contact: `<${tcpUri}>` }, 'TCP')).status, 200);
    await written(office, tcpUri, `sip:202@127.0.0.1:${phone.peer.port}`);
    await office.ringdown.stop('SIGKILL');
    await office.ringdown.start();
    const askedAgain = performance.now();
    const after = await phone.ask('REGISTER', { contact: '', headers });
    const [value = ''] = after.all('Contact');
    const [, expires] = /^<sip:202@127\.0\.0\.1:\d+>;expires=(\d+);q=0\.7;\+sip\.instance=.*;audio$/.exec(value) ?? [];
    // Rounded up to the second, and reckoned by the time of day.
    t.ok(Number(expires) <= Math.ceil(900 - (askedAgain - answered - 5) / 1000), `${expires} s, time has passed`);
    t.ok(Number(expires) >= Math.floor(900 - (performance.now() - asked + 5) / 1000), `${expires} s, and no more`);
    const list = await inside(office, 'devices', 'list');
    t.match(list, /^201 {2}desk {2}tcp 127\.0\.0\.1:\d+ {2}for 3\d+ s {2}connection gone$/m);
    t.match(list, /^202 {2}desk {2}udp 127\.0\.0\.1:\d+ {2}for (?:8\d\d|900) s$/m);
    t.match(await inside(office, 'status'), /^2 registered devices$/m);
  },
);

registrarTest('a GRUU reaches its instance and no other device', async (t, _office, device) => {
  const [caller, phone, desktop] = [await device('201'), await device('202'), await device('202')];
  await desktop.ask('REGISTER', { headers: [DESKTOP] });
  const { all } = await phone.ask('REGISTER', {
    contact: `${phone.contact};${INSTANCE}`,
    headers: ['Supported: gruu'],
  });
  const values = all('Contact').join();
  for (const [index, name] of (['pub-gruu', 'temp-gruu'] as const).entries()) {
    const uri = new RegExp(`${name}="([^"]+)"`).exec(values)?.[1] ?? '';
    const invited = caller.ask('INVITE', { uri, callId: `call-${index}`, headers: ['Content-Type: application/sdp'] });
    const invite = await phone.peer.next(/^INVITE /);
    t.ok(invite.startsWith(`INVITE sip:202@127.0.0.1:${phone.peer.port} `), name);
    const kept = invite.split('\r\n').filter((line) => /^(?:via|from|to|call-id|cseq):/i.test(line));
    phone.peer.send(
      `SIP/2.0 486 Busy Here\r\n${kept.join('\r\n').replace(/^(To: .*)$/m, '$1;tag=x')}\r\nContent-Length: 0\r\n\r\n`,
    );
    t.equal((await invited).status, 486, name);
  }
  t.same(desktop.peer.waiting, [], 'the other device heard nothing');
  const unknown = 'sip:202@127.0.0.1;gr=urn:uuid:00000000-0000-1000-8000-000000000000';
  t.equal((await caller.ask('INVITE', { uri: unknown, callId: 'call-9' })).status, 480);
  t.equal((await caller.ask('INVITE', { uri: 'sip:tgruu.x@127.0.0.1;gr', callId: 'call-10' })).status, 404);
});

registrarTest(
  'people see the devices and log them out, in the box and from the command line',
  async (t, office, device) => {
    const phone = await device('202');
    await phone.ask('REGISTER', {
      contact: `<sip:202@127.0.0.1:${phone.peer.port};pn-provider=apns;pn-prid=abc>`,
      headers: ['User-Agent: \u001b[2Jevil'],
    });
    const data = ['--data', office.ringdown.dataDirectory];
    const { stdout } = await runRingdown(['devices', 'list', '202', ...data]);
    t.match(stdout, /^202 {2}desk {2}udp 127\.0\.0\.1:\d+ {2}for \d+ s {2}\S*evil\n$/);
    t.notOk(stdout.includes('\u001b'), 'nothing that steers a terminal');
    const json = await runRingdown(['devices', 'list', '--json', ...data]);
    t.match(JSON.parse(json.stdout), {
      extension: '202',
      deviceClass: 'desk',
      contact: /pn-provider=apns;pn-prid=abc/,
    });
    t.match(await runRingdown(['devices', 'forget', '203', ...data]), {
      stdout: '',
      stderr: /no device is registered as "203"/,
    });
    t.match(await inside(office, 'devices', 'forget', '202'), /^1 device is logged out\.\n$/);
    t.equal(await inside(office, 'devices', 'list'), 'No device is registered.\n');
  },
);

registrarTest('hostile headers come back in no answer, log or list but as text', async (t, office, device) => {
  const phone = await device('202');
  const many = Array.from({ length: 1500 }, (_, index) => `<sip:${index}@a>`).join(',');
  t.equal((await phone.ask('REGISTER', { contact: many.slice(0, 8000).replace(/,[^,]*$/, '') })).status, 400);
  for (const contact of [
    `<sip:202@127.0.0.1>;${INSTANCE.replace('AABB', '\\"x')}`,
    '<sip:202@127.0.0.1>;+sip.instance="<urn:x>\\"; evil=\\"1"',
    `<sip:202@127.0.0.1>;x="${'y'.repeat(4000)}"`,
    '<sip:202@127.0.0.1;gr>',
    '<sip:202@127.0.0.1>;reg-id=99999999999999999999',
    '"\\"><x" <sip:202@127.0.0.1>',
  ]) {
    const { status, all } = await phone.ask('REGISTER', { contact, headers: ['User-Agent: a"b\\c<d>'] });
    t.ok(status === 200 || status === 400 || status === 403, `${status} ${contact.slice(0, 40)}`);
    for (const value of all('Contact')) t.notMatch(value, /evil|y{600}/);
  }
  t.equal((await phone.ask('OPTIONS', { contact: '' })).status, 200, 'the box is well');
  t.notMatch(office.ringdown.log, /"level":50/);
});

registrarTest(
  'a phone of a LAN makes its own extension with the default password, while that is on',
  async (t, office) => {
    const { dataDirectory, sipPort } = office.ringdown;
    // What stands for the network of a LAN here.
    await set(office, 'lan1.ipv6.addresses', '["::2/126"]');
    await inside(office, 'config', 'confirm');
    await set(office, 'lan1.ipv6.mode', 'static');
    await inside(office, 'config', 'confirm');
    const words = ['config', 'set', 'system.sip.defaultExtensionPassword', '-', '--data', dataDirectory];
    t.equal((await runRingdown(words, 'only-for-tests\n')).status, 0);
    await set(office, 'system.sip.autoCreateExtensions', 'true');
    const phone = async (localAddress: string, password: string) => {
      const made = await TestPhone.start({
        ...{ user: '205', password, localAddress, server: localAddress, serverPort: sipPort, codecs: ['PCMA'] },
      });
      try {
        return (await made.register()).status;
      } finally {
        await made.close();
      }
    };
    t.equal(await phone('127.0.0.1', 'only-for-tests'), 401, 'from elsewhere');
    t.equal(await phone('::1', 'another password'), 401);
    t.equal(await phone('::1', 'only-for-tests'), 200);
    t.match(await inside(office, 'extension', 'list'), /^205 {2}Extn205$/m);
    t.match(await inside(office, 'devices', 'list', '205'), /^205 {2}desk {2}udp \[::1\]/);
    t.match(await inside(office, 'config', 'log'), /extension 205 auto-created for ::1/);
    t.match(await inside(office, 'notices'), /205 first/);
  },
);

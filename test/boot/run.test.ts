import { join } from 'node:path';
import { spawn } from 'node-pty';
import { Person } from '../support/person.ts';
import { RemotePhone } from '../support/phone/remote-phone.ts';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';
import { bootTest } from './boot-test.ts';

const HEARING_MS = 60_000;
const FETCH = 'fetch(process.argv[1]).then((response) => response.text()).then((text) => process.stdout.write(text))';

// In a network namespace, whose 127.0.0.1 is its own: the ports of `make run` may be in use on this machine.
bootTest('make run: two softphones on this machine call each other through the box', async (t, bench) => {
  const prefix = bench.network.gatewayPrefix;
  const folder = join(repositoryPath, 'build/test/run');
  const [file = '', ...args] = [...prefix, join(repositoryPath, 'scripts/run'), folder];
  const terminal = spawn(file, args, { cols: 120, rows: 40, cwd: repositoryPath });
  const person = new Person(terminal);
  t.teardown(() => person.leave());

  const instructions = await person.sees('To leave:', 60_000);
  const logins = [...instructions.matchAll(/^ +(\d+) +\S+ +password (\S+)\r?$/gm)];
  t.same(
    logins.map(([, user]) => user),
    ['201', '202'],
  );
  await person.sees('ringdown login: ', 180_000);

  const [reception, workshop] = await Promise.all(
    logins.map(([, user = '', password = '']) =>
      RemotePhone.start(
        {
          user,
          password,
          localAddress: '127.0.0.1',
          server: '127.0.0.1',
          serverPort: 5060,
          codecs: user === '201' ? ['PCMA'] : ['G729'],
          transport: user === '201' ? 'udp' : 'tcp',
        },
        prefix,
      ),
    ),
  );
  if (reception === undefined || workshop === undefined) throw new Error(`no two extensions in:\n${instructions}`);
  t.teardown(() => Promise.all([reception.close(), workshop.close()]));
  t.equal(await reception.registerWhenReachable(60_000), 200);
  t.match(await workshop.register(), { status: 200 });

  await reception.invite('202');
  await workshop.incomingCall();
  const [outcome] = await Promise.all([reception.answered(), workshop.answer()]);
  t.match(outcome, { status: 200, codec: 'PCMA' });
  await Promise.all([reception.play('adbfc'), workshop.play('fcebd')]);
  const heard = await Promise.all([reception.hears('fcebd', HEARING_MS), workshop.hears('adbfc', HEARING_MS)]);
  t.same(
    heard.map(({ malformed }) => malformed),
    [0, 0],
  );
  await reception.pressKey('5');
  t.match(await workshop.receivesKey('5', HEARING_MS), { digit: '5' });
  const [status] = await Promise.all([workshop.bye(), reception.ended()]);
  t.equal(status, 200);

  const [node = '', ...rest] = [...prefix, process.execPath, '-e', FETCH, 'http://127.0.0.1:8080/46xxsettings.txt'];
  const settings = (await outputOf(node, rest)).toString('utf8');
  t.match(settings, /^SET SIP_CONTROLLER_LIST 127\.0\.0\.1:5061;transport=tls$/m);
  t.match(settings, /^SET RTP_PORT_LOW 46750\nSET RTP_PORT_RANGE 41$/m);

  person.type('admin');
  await person.sees('New password', 60_000);
  person.type('only-for-tests');
  await person.sees('Again: ', 60_000);
  person.type('only-for-tests');
  await person.sees('ringdown> ', 60_000);
  person.type('poweroff');
  await person.sees('[y/N]', 60_000);
  person.type('y');
  t.equal(await person.exited, 0, 'QEMU ends with the box');
});

bootTest('make run: a port that is taken is one clear line', async (t, bench) => {
  const prefix = bench.network.gatewayPrefix;
  const hold = "require('node:dgram').createSocket('udp4').bind(5060, '127.0.0.1', () => console.log('holding'))";
  const [file = '', ...args] = [...prefix, process.execPath, '-e', hold];
  const holder = spawn(file, args, {});
  const person = new Person(holder);
  await person.sees('holding');
  const [command = '', ...rest] = [
    ...prefix,
    join(repositoryPath, 'scripts/run'),
    join(repositoryPath, 'build/test/run'),
  ];
  const run = new Person(spawn(command, rest, { cols: 300, cwd: repositoryPath }));
  t.match(await run.sees('\n', 60_000), /^run: .*udp 127\.0\.0\.1:5060 is taken\. Stop that program/);
  t.equal(await run.exited, 2);
  person.press('\u0003');
  await person.exited;
});

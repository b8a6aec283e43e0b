import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { requestCommand } from '../../firmware/console/control.ts';
import { TestPhone } from '../support/phone/test-phone.ts';
import { Ringdown, runRingdown } from '../support/ringdown.ts';

const PASSWORD = 'correct horse';

t.test('with a damaged database the service starts from its own backup, and phones register', async (t) => {
  const ringdown = await Ringdown.create(['127.0.0.1']);
  t.teardown(() => ringdown.close());
  const { dataDirectory: data } = ringdown;
  const ask = async (...words: readonly string[]): Promise<string> => {
    const { output, errors } = await requestCommand(join(data, 'control.sock'), words);
    return output + errors;
  };
  await ringdown.addExtension('201', 'Reception', PASSWORD);
  await ringdown.start();
  await ringdown.logs(/"backup":"\S+-r2-daily"/, 10_000);
  t.match(await ask('extension', 'add', '202', '--name', 'Workshop'), /added/);
  t.equal(await ask('notices'), '');
  await ringdown.stop();
  t.match(ringdown.log, /"backup":"\S+-r3-restart"/);

  writeFileSync(join(data, 'ringdown.db'), 'no database any more');
  t.match(await runRingdown(['extension', 'list', '--data', data]), {
    status: 2,
    stderr: /damaged.*Start the service/,
  });
  await ringdown.start();
  t.match(await ask('status'), /^Notice of .*revision 3 from the backup \S+-r3-restart/);
  t.match(await ask('extension', 'list'), '201  Reception\n202  Workshop\n');
  t.equal(readdirSync(data).filter((name) => name.startsWith('ringdown.db.damaged-')).length, 1);
  const phone = await TestPhone.start({
    user: '201',
    password: PASSWORD,
    localAddress: '127.0.0.1',
    server: '127.0.0.1',
    serverPort: ringdown.sipPort,
    codecs: ['PCMA'],
  });
  t.teardown(() => phone.close());
  t.match(await phone.register(), { status: 200 });
  t.match(await ask('notices', '--clear'), /r3-restart/);
  t.equal(await ask('notices'), '');

  const [, name = ''] = /^(\S+-r2-daily) /m.exec(await ask('backup', 'list')) ?? [];
  t.match(await ask('backup', 'restore', name), /Revision 4\./);
  t.equal(await ask('extension', 'list'), '201  Reception\n');
  const verified = await runRingdown(['backup', 'verify', '--data', data]);
  t.match(verified, { status: 0, stdout: /r4-|r3-rollback is good/ });
});

t.test('a second service on the same directory leaves it alone', async (t) => {
  const ringdown = await Ringdown.create(['127.0.0.1']);
  t.teardown(() => ringdown.close());
  await ringdown.start();
  writeFileSync(join(ringdown.dataDirectory, 'ringdown.db'), 'no database any more');
  t.match(await runRingdown(ringdown.arguments), { status: 1, stderr: /Another runtime serves/ });
  const names = readdirSync(ringdown.dataDirectory);
  t.notOk(names.some((name) => name.includes('damaged')));
});

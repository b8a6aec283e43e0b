import type { Test } from 'tap';
import { runRingdown } from '../support/ringdown.ts';
import { type Office, officeTest, passwordOf, talk } from './office.ts';

/** A command of the command line on the data of the box that runs. */
async function command(t: Test, { ringdown }: Office, words: readonly string[], input = ''): Promise<string> {
  const { status, stdout, stderr } = await runRingdown([...words, '--data', ringdown.dataDirectory], input);
  t.equal(status, 0, `${words.join(' ')}: ${stderr}`);
  return stdout;
}

officeTest('codecs that are edited hold for the next call', async (t, office) => {
  const left = await office.registered('201');
  const right = await office.registered('202');
  await command(t, office, ['config', 'set', 'system.media.codecs', 'G729']);
  t.equal((await left.call('202')).status, 488, 'A-law is not enabled any more');
  t.match(await command(t, office, ['config', 'rollback', '4']), /\+ system\.media\.codecs: \["PCMA","PCMU","G729"\]/);
  await left.invite('202');
  await right.incomingCall();
  await Promise.all([left.answered(), right.answer()]);
  await talk(t, left, right);
  await Promise.all([left.bye(), right.ended()]);
});

officeTest('an extension that is removed is unreachable at once, and a rollback brings it back', async (t, office) => {
  const left = await office.registered('201');
  const right = await office.registered('202');
  await command(t, office, ['extension', 'remove', '202']);
  t.equal((await left.call('202')).status, 404);
  const { statuses } = await right.register();
  t.ok(
    statuses.every((status) => status !== 200),
    `a phone of nobody: ${statuses}`,
  );
  await command(t, office, ['config', 'rollback', '4']);
  t.equal((await left.call('202')).status, 480, 'it is known again, and must register again');
  t.equal((await right.register()).status, 200, 'with the password that it had');
});

officeTest('a new password logs the old devices out', async (t, office) => {
  const left = await office.registered('201');
  await office.registered('202');
  await command(t, office, ['config', 'set', 'extensions.202.password', '-'], 'another-one-for-tests\n');
  await office.ringdown.logs(/"revision":5.*"the configuration was edited"/, 10_000);
  t.equal((await left.call('202')).status, 480);
  const old = await office.phone('202', { password: passwordOf('202') });
  t.not((await old.register()).status, 200);
  const renewed = await office.phone('202', { password: 'another-one-for-tests' });
  t.equal((await renewed.register()).status, 200);
});

officeTest('the settings file is that of the configuration at the moment of the request', async (t, office) => {
  const url = `http://127.0.0.1:${office.ringdown.ports.http}/46xxsettings.txt`;
  t.match(await (await fetch(url)).text(), /^SET SIPDOMAIN 127\.0\.0\.1$/m);
  await command(t, office, ['config', 'set', 'system.sip.domain', 'example.com', 'system.locale', 'de-DE']);
  const text = await (await fetch(url)).text();
  t.match(text, /^SET SIPDOMAIN example\.com$/m);
  t.match(text, /^SET ISO_SYSTEM_LANGUAGE de_DE$/m);
});

officeTest('a LAN address that is changed beside the running box waits for its confirmation', async (t, office) => {
  const text = await command(t, office, ['config', 'set', 'lan2.ipv4.address', '192.168.77.1']);
  t.match(text, /through LAN2 by the old addresses drops/);
  await office.ringdown.logs(/"revision":5.*"the configuration was edited"/, 10_000);
  t.match(await command(t, office, ['config', 'confirm']), /Revision 5 is confirmed/);
  await command(t, office, ['config', 'set', 'lan2.ipv4.address', '192.168.78.1']);
  await office.ringdown.stop();
  await office.ringdown.start();
  await office.ringdown.logs(/LAN addresses were not confirmed: undone/, 10_000);
  t.match(await command(t, office, ['config', 'show', 'lan2.ipv4.address']), /192\.168\.77\.1/);
});

officeTest('an edit that is refused changes nothing in the running box', async (t, office) => {
  const words = [
    'config',
    'set',
    'users.201.name',
    'Workshop',
    'system.media.codecs',
    'PCMA',
    '--data',
    office.ringdown.dataDirectory,
  ];
  const { status, stderr } = await runRingdown(words);
  t.equal(status, 2);
  t.match(
    stderr,
    /^ringdown: one field cannot be accepted:\n {2}users\.202\.name \("Workshop"\) is the name of users\.201 too\. .*\nNothing was changed\. /,
  );
  t.match(await command(t, office, ['config', 'log', '--limit', '1']), /^ {4}4 /);
});

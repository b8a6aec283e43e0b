import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { join } from 'node:path';
import { runRingdown } from '../support/ringdown.ts';
import { officeTest } from './office.ts';
import { Trace } from './running-trace.ts';

officeTest('a registration is shown as it goes, without what proves the password', async (t, office) => {
  const { dataDirectory } = office.ringdown;
  const file = join(dataDirectory, '201.pcap');
  const trace = new Trace('201', '--pcap', file, '--data', dataDirectory);
  const others = new Trace('203', '--data', dataDirectory);
  const phone = await office.phone('201');
  // Until the trace has begun, nothing is shown of what comes.
  while (trace.text === '') await phone.register();
  t.equal((await phone.register()).status, 200);
  await trace.shows(/→ received {2}udp {2}127\.0\.0\.1:\d+ to 127\.0\.0\.1:\d+\nREGISTER sip:/);
  await trace.shows(/← sent {2}udp {2}.*\nSIP\/2\.0 401 /);
  await trace.shows(/Authorization: Digest (?:.*, ?)?response="\*{32,64}"/);
  await trace.shows(/← sent .*\nSIP\/2\.0 200 /);
  t.notMatch(trace.text, /response="[0-9a-f]/);
  t.notMatch(trace.text, /cnonce="[^*]/);
  t.equal(others.text, '', 'what another filter chooses is another matter');
  t.equal(await trace.interrupt(), 0);
  t.equal(await others.interrupt(), 0);
  t.match(trace.errors, /^\d+ messages in .*201\.pcap\n$/);

  const fields = ['sip.Method', 'sip.Status-Code', 'ip.src', 'udp.srcport', 'udp.dstport'];
  const words = ['-n', '-r', file, '-d', `udp.port==${office.ringdown.sipPort},sip`, '-T', 'fields'];
  const { stdout } = spawnSync('tshark', [...words, ...fields.flatMap((field) => ['-e', field])], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  const lines = stdout.trim().split('\n');
  t.equal(lines.length, Number(/^\d+/.exec(trace.errors)?.[0]), 'as many packets as messages');
  const { sipPort } = office.ringdown;
  t.ok(lines.some((line) => line.startsWith('REGISTER\t\t127.0.0.1\t') && line.endsWith(`\t${sipPort}`)));
  t.ok(lines.some((line) => line.startsWith(`\t401\t127.0.0.1\t${sipPort}\t`)));
  t.ok(lines.some((line) => line.startsWith(`\t200\t127.0.0.1\t${sipPort}\t`)));
});

officeTest('over a connection messages are shown as they came, and malformed ones too', async (t, office) => {
  const { dataDirectory, sipPort } = office.ringdown;
  const trace = new Trace('--json', '--data', dataDirectory);
  const phone = await office.phone('202', { transport: 'tcp' });
  while (trace.text === '') await phone.register();
  await trace.shows(/"transport":"tcp".*"method":"REGISTER"/);
  const first = /^\{.*"direction":"received".*"transport":"tcp".*$/m.exec(trace.text)?.[0] ?? '{}';
  t.match(Buffer.from(JSON.parse(first).bytes, 'base64').toString(), /^REGISTER sip:.* SIP\/2\.0\r\n(?:.+\r\n)+\r\n$/);
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  socket.send('garbage that is no SIP\r\n\r\n', sipPort, '127.0.0.1');
  await trace.shows(/"mark":"malformed"/);
  t.equal(await trace.interrupt(), 0);
});

officeTest('a call is drawn as a ladder with both of its legs', async (t, office) => {
  const { dataDirectory, sipPort } = office.ringdown;
  const caller = await office.registered('201');
  const callee = await office.registered('202');
  const trace = new Trace('201', '202', '--ladder', '--data', dataDirectory);
  while (trace.text === '') await caller.register();
  await caller.invite('202');
  await callee.incomingCall();
  await Promise.all([caller.answered(), callee.answer()]);
  await Promise.all([caller.bye(), callee.ended()]);
  await trace.shows(/BYE(?:.*\n)+.*\(BYE\)(?:.*\n)*.*\(BYE\)/);
  t.equal(await trace.interrupt(), 0);
  t.match(trace.text, /^ {14}127\.0\.0\.1:\d+ +ringdown +127\.0\.0\.1:\d+$/m);
  t.match(trace.text, /^[\d:.]{12} {2}\|- INVITE 202 sdp -+>\|/m);
  t.match(trace.text, /^[\d:.]{12} {2}\| {23}\|- INVITE 202 sdp -+>\|$/m);
  t.match(trace.text, /^[\d:.]{12} {2}\| {23}\|<- 200 OK sdp -+\|$/m);
  t.match(trace.text, /^[\d:.]{12} {2}\|<- 200 OK \(BYE\) -+\|/m);
  t.notMatch(trace.text, new RegExp(`:${sipPort}\\b`), 'the box has one line');
});

officeTest('it ends by itself with its count or time, and says what is wrong with its words', async (t, office) => {
  const { dataDirectory } = office.ringdown;
  const timed = await runRingdown(['trace', '--seconds', '1', 'nobody', '--data', dataDirectory]);
  t.strictSame([timed.status, timed.stdout, timed.stderr], [0, '', '']);
  t.match(await runRingdown(['trace', 'colour=red', '--data', dataDirectory]), { status: 2, stderr: /colour=red/ });
  t.match(await runRingdown(['trace', '--data', join(dataDirectory, 'nowhere')]), {
    status: 1,
    stderr: /does not answer/,
  });
});

import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { officeTest, talk } from './office.ts';

/** A description with this m-line and what belongs to it. */
function description(...media: readonly string[]): string {
  return ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', ...media, ''].join('\r\n');
}

const CRYPTO = 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj';

const offers: readonly (readonly [string, string, readonly number[]])[] = [
  ['only Opus', description('m=audio 9000 RTP/AVP 96', 'a=rtpmap:96 opus/48000/2'), [488]],
  ['only SRTP', description('m=audio 9000 RTP/SAVP 8', CRYPTO), [488]],
  ['only video', description('m=video 9000 RTP/AVP 96', 'a=rtpmap:96 H264/90000'), [488]],
  ['no m-line', description(), [488]],
  ['text that is no SDP', 'this is not a session description', [400, 488]],
  ['a port beyond all ports', description('m=audio 99999 RTP/AVP 8'), [400, 488]],
  ['half a description', 'v=0\r\no=- 1 1 IN', [400, 488]],
  ['bytes of every kind', String.fromCharCode(...Array.from({ length: 127 }, (_, i) => i)), [400, 488]],
];

officeTest('an INVITE that offers nothing usable is refused, and the called phone never rings', async (t, office) => {
  const left = await office.registered('201');
  const right = await office.registered('202');
  // A phone has its answer before the log has the line.
  await office.ringdown.logs(/"extension":"202".*"registered"/, 10_000);
  const began = performance.now();
  const linesBefore = office.ringdown.log.split('\n').length;
  for (const [name, sdp, expected] of offers) {
    const { status } = await left.call('202', { sdp });
    t.ok(expected.includes(status), `${name}: ${status}`);
  }
  const lines = office.ringdown.log.split('\n').length - linesBefore;
  const seconds = (performance.now() - began) / 1000;
  t.ok(lines <= seconds + 1, `${lines} lines in ${seconds.toFixed(1)} s`);
  await t.rejects(right.incomingCall(1), 'nothing rang');
  await left.invite('202');
  await right.incomingCall();
  await Promise.all([left.answered(), right.answer()]);
  await talk(t, left, right);
  await Promise.all([left.bye(), right.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('a wrong password registers nobody and calls nobody', async (t, office) => {
  const left = await office.registered('201');
  const stranger = await office.phone('202');
  const { statuses, contacts, challenged } = await stranger.register({ password: 'wrong' });
  t.equal(statuses[0], 401);
  t.ok([401, 403].includes(statuses[1] ?? 0), `then ${statuses[1]}`);
  t.same(contacts, []);
  t.ok(challenged.includes('MD5') && challenged.includes('SHA-256'), `RFC 8760: both algorithms, ${challenged}`);
  t.equal((await left.call('202')).status, 480, 'no binding was made');

  const right = await office.registered('203');
  const forger = await office.phone('202', { password: 'wrong' });
  const outcome = await forger.call('203');
  t.ok([401, 403].includes(outcome.status), `a call with a wrong password: ${outcome.status}`);
  await t.rejects(right.incomingCall(1), 'nothing rang');
  t.equal((await stranger.register()).status, 200, 'the right password still works');
});

officeTest('extensions that are unknown or away', async (t, office) => {
  const left = await office.registered('201');
  t.equal((await left.call('999')).status, 404);
  t.equal((await left.call('nobody')).status, 404);
  t.equal((await left.call('202')).status, 480, 'known, and not registered');
  const right = await office.registered('202', { incoming: 'answer' });
  t.equal((await left.call('202')).status, 200);
  await Promise.all([left.bye(), right.ended()]);
  t.equal((await right.register({ expiresSeconds: 0 })).status, 200);
  t.equal((await left.call('202')).status, 480, 'registered no more');
});

officeTest('the called phone refuses, or is in a call', async (t, office) => {
  const left = await office.registered('201');
  const right = await office.registered('202');
  // A declined call is a busy one, unless the decline policy says otherwise.
  for (const [status, passed] of [
    [486, 486],
    [480, 480],
    [603, 486],
  ] as const) {
    await left.invite('202');
    await right.incomingCall();
    await right.reject(status);
    t.equal((await left.answered()).status, passed, `${status} is passed back as ${passed}`);
  }
  await left.invite('202');
  await right.incomingCall();
  await Promise.all([left.answered(), right.answer()]);
  const third = await office.registered('203');
  t.equal((await third.call('202')).status, 486, 'busy');
  await talk(t, left, right);
  await Promise.all([left.bye(), right.ended()]);
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('the caller gives up while it rings', async (t, office) => {
  const left = await office.registered('201');
  const right = await office.registered('202', { localAddress: '::1', codecs: ['G729'] });
  for (let count = 0; count < 3; count += 1) {
    await left.invite('202');
    await right.incomingCall();
    await left.ringing();
    t.match(await left.cancel(), { status: 487 });
    await right.ended();
  }
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('a flood of datagrams that are no SIP changes nothing', async (t, office) => {
  const left = await office.registered('201');
  const right = await office.registered('202', { incoming: 'answer' });
  const linesBefore = office.ringdown.log.split('\n').length;
  const began = performance.now();
  await flood(office.ringdown.sipPort);
  t.match(await left.call('202'), { status: 200 });
  await talk(t, left, right);
  await Promise.all([left.bye(), right.ended()]);
  const seconds = (performance.now() - began) / 1000;
  const warnings = office.ringdown.log
    .split('\n')
    .slice(linesBefore - 1)
    .filter((line) => /"level":(40|50|60)/.test(line));
  t.ok(warnings.length <= seconds + 2, `${warnings.length} warnings in ${seconds.toFixed(1)} s`);
  t.ok(office.ringdown.running);
});

async function flood(port: number): Promise<void> {
  const socket = createSocket('udp4');
  const send = (data: string | Buffer): Promise<void> =>
    new Promise((resolve) => socket.send(data, port, '127.0.0.1', () => resolve()));
  const valid = readFileSync(new URL('./invite.sip', import.meta.url), 'latin1');
  try {
    for (let end = 0; end < valid.length; end += 7) await send(valid.slice(0, end));
    for (let index = 0; index < 256; index += 1) await send(Buffer.alloc(200, index));
    for (let index = 0; index < valid.length; index += 5) {
      await send(`${valid.slice(0, index)}\0\x80\xff${valid.slice(index + 3)}`);
    }
    await send(valid.replace('Content-Length: 0', 'Content-Length: 99999999999999999999'));
    await send(`INVITE sip:${'x'.repeat(60_000)} SIP/2.0\r\n\r\n`);
    await send('\r\n'.repeat(1000));
  } finally {
    socket.close();
  }
}

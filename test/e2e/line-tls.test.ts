/** Lines over TLS with SRTP: the carrier proves who it is, keys are each side's own, and everybody hears the other. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { testIdentity } from '../sip/support/stacks.ts';
import type { PhoneOptions } from '../support/phone/phone.ts';
import type { TestPhone } from '../support/phone/test-phone.ts';
import { Ringdown } from '../support/ringdown.ts';
import { masterKey } from '../support/srtp-peer.ts';
import { ask, type CarrierOptions, carriers, everyLine, isFree, lines, openCarrier } from './carriers.ts';
import { type Office, officeTest, passwordOf, talk } from './office.ts';

const pem = (name: string): string => readFileSync(join(import.meta.dirname, '../sip/fixtures/tls', name), 'utf8');
const CERTIFICATE = { key: String(testIdentity.key), cert: String(testIdentity.cert) };
const OTHER = { key: pem('other-key.pem'), cert: pem('other-cert.pem') };
const SUITE = 'AES_CM_128_HMAC_SHA1_80';

type Security = 'disabled' | 'preferred' | 'enforced';

const overTls = (mediaSecurity: Security, phone: Partial<PhoneOptions> = {}): CarrierOptions => ({
  ...{ transport: 'tls', certificate: CERTIFICATE, line: { mediaSecurity }, ...phone },
});

/** An offer of SRTP alone, with a line for its key that ends like this. */
function offerWith(crypto: string): string {
  return [
    ...['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'],
    ...['m=audio 9000 RTP/SAVP 8', `a=crypto:1 ${SUITE} ${crypto}`, ''],
  ].join('\r\n');
}

/** A box that logs all that it can. */
async function talkative(): Promise<Ringdown> {
  const ringdown = await Ringdown.create();
  ringdown.logLevel = 'trace';
  return ringdown;
}

/** Paths and values by turns. */
async function set(office: Office, ...settings: readonly string[]): Promise<void> {
  await ask(office, ['config', 'set', ...settings]);
}

/** A carrier by TLS whom the box trusts; all calls from there ring 202. */
async function trusted(office: Office, mediaSecurity: Security, phone?: Partial<PhoneOptions>): Promise<TestPhone> {
  await set(office, 'certificates.carrier', JSON.stringify({ pem: CERTIFICATE.cert }));
  const [carrier] = await carriers(office, overTls(mediaSecurity, phone));
  await set(office, 'incomingRoutes.All', '{"lineGroup":7,"incomingNumber":"","destination":"202"}');
  return carrier;
}

async function callsOut(t: Test, office: Office, caller: TestPhone, carrier: TestPhone): Promise<string> {
  await caller.invite('01632960123');
  const { sdp } = await carrier.incomingCall();
  const [{ status }] = await Promise.all([caller.answered(), carrier.answer()]);
  t.equal(status, 200);
  await talk(t, caller, carrier);
  await Promise.all([caller.bye(), carrier.ended()]);
  await everyLine(office, isFree);
  return sdp;
}

async function callsIn(t: Test, office: Office, carrier: TestPhone, callee: TestPhone): Promise<string> {
  await carrier.invite('4930555202');
  const { sdp } = await callee.incomingCall();
  const [{ status }] = await Promise.all([carrier.answered(), callee.answer()]);
  t.equal(status, 200);
  await talk(t, carrier, callee);
  await Promise.all([carrier.bye(), callee.ended()]);
  await everyLine(office, isFree);
  return sdp;
}

/** The log has it that a call had these, at once or soon. */
async function connected({ ringdown }: Office, callerSrtp: string, calleeSrtp: string): Promise<void> {
  await ringdown.logs(new RegExp(`"callerSrtp":"${callerSrtp}","calleeSrtp":"${calleeSrtp}"`), 15_000);
}

officeTest('SRTP required by the line: calls out and in are heard, with RTP at the telephones', async (t, office) => {
  const carrier = await trusted(office, 'enforced', { srtp: 'required' });
  const reception = await office.registered('201');
  const workshop = await office.registered('202', { codecs: ['PCMU'] });
  t.match(await callsOut(t, office, reception, carrier), /m=audio \d+ RTP\/SAVP [\s\S]*a=crypto:/);
  await connected(office, 'none', SUITE);
  t.match(await carrier.transcript(), /REGISTER [\s\S]*Via: SIP\/2\.0\/TLS [\s\S]*INVITE [\s\S]*Via: SIP\/2\.0\/TLS /);
  t.notMatch(
    await callsIn(t, office, carrier, workshop),
    /SAVP|crypto/,
    'the keys of the line are not for a telephone',
  );
  await connected(office, SUITE, 'none');
  t.same(await office.mediaPortsLeft(), []);
});

officeTest('SRTP required by the line and by a telephone: each has keys of its own', async (t, office) => {
  const carrier = await trusted(office, 'enforced', { srtp: 'required' });
  await set(office, 'extensions.201.mediaSecurity', 'enforced');
  const reception = await office.registered('201', { srtp: 'required' });
  await callsOut(t, office, reception, carrier);
  await connected(office, SUITE, SUITE);
  const keys = async (phone: TestPhone) => new Set((await phone.transcript()).match(/inline:[A-Za-z0-9+/=]+/g));
  const shared = (await keys(reception)).intersection(await keys(carrier));
  t.same([...shared], [], 'no key passes from one side to the other');
});

officeTest(
  'no key of SRTP and no password is in the log, of calls that work and of what is refused',
  async (t, office) => {
    const line = { username: '49305550', password: 'only-for-tests-line' } as const;
    const carrier = await trusted(office, 'enforced', { srtp: 'required', callers: line });
    await set(office, 'extensions.201.mediaSecurity', 'enforced', 'extensions.202.mediaSecurity', 'enforced');
    await ask(office, ['config', 'set', 'lines.1.password', '-'], line.password);
    await everyLine(office, ({ state }) => state === 'in-service');
    const reception = await office.registered('201', { srtp: 'required' });
    const workshop = await office.registered('202', { srtp: 'required' });
    await callsOut(t, office, reception, carrier);
    await callsIn(t, office, carrier, workshop);
    await connected(office, SUITE, SUITE);

    const [tooShort, unfit] = ['c2hvcnQta2V5LWZvci10ZXN0cw==', masterKey(SUITE, 7)];
    for (const crypto of [`inline:${tooShort}`, `inline:${unfit} UNENCRYPTED_SRTP`]) {
      t.match(await reception.call('202', { sdp: offerWith(crypto) }), { status: 488 });
    }
    const wrong = 'only-for-tests-wrong';
    t.not((await reception.register({ password: wrong })).status, 200);
    await office.ringdown.stop();

    const { log } = office.ringdown;
    t.match(log, /"level":20/, 'at its most talkative');
    t.match(log, /offer refused/);
    const transcripts = await Promise.all([carrier, reception, workshop].map((phone) => phone.transcript()));
    const keys = transcripts.flatMap((text) =>
      [...text.matchAll(/inline:([A-Za-z0-9+/=]+)/g)].map(([, key = '']) => key),
    );
    t.ok(new Set(keys).size >= 8, 'those of both sides of both calls');
    const realm = /realm="([^"]+)"/.exec(transcripts[1] ?? '')?.[1];
    const hashed = (['201', '202'] as const).flatMap((user) =>
      ['md5', 'sha256'].map((name) =>
        createHash(name)
          .update(`${user}:${realm}:${passwordOf(user)}`)
          .digest('hex'),
      ),
    );
    const secrets = [...keys, tooShort, unfit, line.password, wrong, passwordOf('201'), passwordOf('202'), ...hashed];
    t.same(
      secrets.filter((secret) => log.includes(secret)),
      [],
    );
  },
  talkative,
);

officeTest(
  'SRTP required by the line: a carrier without it gets no call, and none of its calls in',
  async (t, office) => {
    const carrier = await trusted(office, 'enforced');
    const reception = await office.registered('201');
    await office.registered('202');
    t.match(await reception.call('01632960123'), { status: 488 });
    t.match(await carrier.call('4930555202'), { status: 488 });
    await everyLine(office, isFree);
    t.same(await office.mediaPortsLeft(), []);
  },
);

for (const srtp of ['offered', undefined] as const) {
  const what = srtp === undefined ? 'a carrier without SRTP talks by RTP' : 'a carrier that can takes SRTP';
  officeTest(`best effort on the line: ${what}, out and in`, async (t, office) => {
    const carrier = await trusted(office, 'preferred', srtp === undefined ? {} : { srtp });
    const reception = await office.registered('201');
    const workshop = await office.registered('202');
    t.match(await callsOut(t, office, reception, carrier), /m=audio \d+ RTP\/AVP [\s\S]*a=crypto:/);
    await callsIn(t, office, carrier, workshop);
    const used = srtp === undefined ? 'none' : SUITE;
    await connected(office, 'none', used);
    await connected(office, used, 'none');
  });
}

officeTest(
  'SRTP off on the line: nothing of it is offered, and a carrier that insists is refused',
  async (t, office) => {
    const carrier = await trusted(office, 'disabled', { srtp: 'offered' });
    const reception = await office.registered('201');
    const workshop = await office.registered('202');
    t.notMatch(await callsOut(t, office, reception, carrier), /SAVP|crypto/);
    await callsIn(t, office, carrier, workshop);
    t.notMatch(office.ringdown.log, SUITE);
    await set(office, 'lines.1.enabled', 'off');
    const strict = await openCarrier(office, 2, overTls('disabled', { srtp: 'required' }));
    await office.ringdown.logs(/"line":"2","state":"in-service"/, 15_000);
    t.match(await strict.call('4930555202'), { status: 488 });
    t.match(await reception.call('01632960123'), { status: 488 });
  },
);

const impostors = [
  ['that nobody vouches for', CERTIFICATE, [], /certificate is vouched for by nobody whom this box trusts/],
  ['for another name', OTHER, [OTHER.cert], /certificate is for another name/],
] as const;
for (const [title, certificate, authorities, said] of impostors) {
  officeTest(`a carrier with a certificate ${title} gets nothing, and the alarm says why`, async (t, office) => {
    const reception = await office.registered('201');
    for (const cert of authorities) await set(office, 'certificates.some', JSON.stringify({ pem: cert }));
    const carrier = await openCarrier(office, 1, { transport: 'tls', certificate });
    const { 0: line } = await office.ringdown.logs(/[^\n]*"line":"1","state":"out-of-service"[^\n]*/, 30_000);
    t.match(line, said);
    t.match(await lines(office), [{ state: 'out-of-service', reason: said }]);
    t.match(await ask(office, ['notices']), said);
    t.match(await reception.call('01632960123'), { status: 503 });
    t.equal(await carrier.transcript(), '', 'not a byte of SIP');
  });
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { freePorts } from '../support/free-ports.ts';
import { outputOf } from '../support/process-output.ts';
import { heardNotes, makeTones, SAMPLE_RATE } from '../support/tones.ts';
import { type Extension, type Office, officeTest, passwordOf } from './office.ts';
import { configure } from './sipp-bench.ts';

interface BaresipOptions {
  readonly dial?: string;
  readonly mediaenc?: 'srtp' | 'srtp-mand';
  /** The one module of codecs that it has; G.711 unless given. */
  readonly codec?: 'g711' | 'g722' | 'g726' | 'opus';
}

/** What its module wants to be played. */
const PLAYED_FORMAT = {
  g711: ['-ar', '8000', '-ac', '1'],
  g722: ['-ar', '16000', '-ac', '1'],
  g726: ['-ar', '8000', '-ac', '1'],
  opus: ['-ar', '48000', '-ac', '2'],
} as const;

/** Debian's baresip as an extension: plays `notes` again and again, and records what it hears. */
class Baresip {
  readonly #folder: string;
  readonly #child: ReturnType<typeof spawn>;
  #screen = '';
  readonly #exited: Promise<unknown>;

  private constructor(folder: string, dial: string | undefined) {
    this.#folder = folder;
    const command = dial === undefined ? [] : ['-e', `/dial ${dial}`];
    this.#child = spawn('baresip', ['-f', folder, ...command], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = once(this.#child, 'close');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (data: Buffer) => {
        this.#screen = (this.#screen + data.toString('latin1')).slice(-8000);
      });
    }
  }

  static async start(
    office: Office,
    extension: Extension,
    notes: string,
    { dial, mediaenc, codec = 'g711' }: BaresipOptions = {},
  ): Promise<Baresip> {
    const folder = mkdtempSync(join(tmpdir(), 'baresip-'));
    const first = await freePorts(['127.0.0.1'], 20);
    const server = `127.0.0.1:${office.ringdown.sipPort}`;
    const played = wav(makeTones(notes.repeat(8)));
    const format = [...PLAYED_FORMAT[codec], '-bitexact', '-f', 'wav'];
    writeFileSync(
      join(folder, 'speech.wav'),
      await outputOf('ffmpeg', ['-v', 'error', '-i', 'pipe:0', ...format, 'pipe:1'], played),
    );
    writeFileSync(
      join(folder, 'accounts'),
      `<sip:${extension}@${server}>;auth_user=${extension};auth_pass=${passwordOf(extension)};regint=300;answermode=auto${mediaenc === undefined ? '' : `;mediaenc=${mediaenc}`}\n`,
    );
    // What an account names must be there before it.
    const modules = ['srtp', 'account', 'menu', codec, 'aufile', 'sndfile', 'uuid'];
    writeFileSync(
      join(folder, 'config'),
      [
        `sip_listen 127.0.0.1:${first}`,
        // An address, since baresip leaves the loopback interface out when it looks for one.
        'net_interface 127.0.0.1',
        `rtp_ports ${first + 2}-${first + 19}`,
        'module_path /usr/lib/baresip/modules',
        ...modules.map((name) => `module ${name}.so`),
        `audio_source aufile,${join(folder, 'speech.wav')}`,
        `audio_player aufile,${join(folder, 'player.wav')}`,
        `snd_path ${folder}`,
        '',
      ].join('\n'),
    );
    return new Baresip(folder, dial === undefined ? undefined : `sip:${dial}@${server}`);
  }

  get report(): string {
    return this.#screen;
  }

  /** Waits until it has registered, so that it can be called. */
  async registered(office: Office, extension: Extension): Promise<void> {
    await office.ringdown.logs(new RegExp(`"extension":"${extension}".*"registered"`), 15_000);
  }

  /** Waits until it has recorded so much of a call. */
  async records(seconds: number): Promise<void> {
    const deadline = performance.now() + 20_000;
    for (;;) {
      const recording = this.#recording();
      // 16 bits a sample.
      if (recording !== undefined && statSync(recording).size >= 2 * SAMPLE_RATE * seconds) return;
      if (performance.now() > deadline) throw new Error(`nothing is recorded:\n${this.#screen}`);
      await setTimeout(100);
    }
  }

  #recording(): string | undefined {
    const name = readdirSync(this.#folder).find((each) => each.endsWith('-dec.wav'));
    return name === undefined ? undefined : join(this.#folder, name);
  }

  /** Hangs up, waits until it has written its recording, and returns the notes in it. */
  async leave(): Promise<string> {
    this.#child.kill('SIGINT');
    await this.#exited;
    const recording = this.#recording();
    if (recording === undefined) return '';
    const input = readFileSync(recording);
    const args = ['-v', 'error', '-i', 'pipe:0', '-f', 's16le', '-ar', String(SAMPLE_RATE), '-ac', '1', 'pipe:1'];
    const bytes = await outputOf('ffmpeg', args, input);
    const samples = new Int16Array(bytes.length >> 1).map((_, index) => bytes.readInt16LE(2 * index));
    return heardNotes(samples);
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGKILL');
      await this.#exited;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function wav(samples: Int16Array): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(SAMPLE_RATE * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]);
}

officeTest('baresip calls a G.729 phone: both hear each other', async (t, office) => {
  const phone = await office.registered('202', { localAddress: '::1', codecs: ['G729'] });
  const baresip = await Baresip.start(office, '201', 'adbfc', { dial: '202' });
  t.teardown(() => baresip.close());
  await phone.incomingCall();
  await phone.answer();
  await phone.play('fcebd');
  t.match((await phone.hears('adbfc')).notes, 'adbfc');
  const [heard] = await Promise.all([baresip.leave(), phone.ended()]);
  t.match(heard, 'fcebd');
  if (!t.passing()) t.comment(baresip.report);
  t.same(await office.mediaPortsLeft(), []);
});

for (const codecs of [['PCMA'], ['G729'], ['G722']] as const) {
  officeTest(
    `baresip with Opus alone calls a phone with ${codecs[0]} alone: both hear each other`,
    async (t, office) => {
      await configure(office.ringdown, ['system.media.codecs', `OPUS,${codecs[0]}`]);
      const phone = await office.registered('202', { localAddress: '::1', codecs });
      const baresip = await Baresip.start(office, '201', 'adbfc', { dial: '202', codec: 'opus' });
      t.teardown(() => baresip.close());
      await phone.incomingCall();
      await phone.answer();
      await phone.play('fcebdfcebd');
      t.match((await phone.hears('adbfc')).notes, 'adbfc');
      const [heard] = await Promise.all([baresip.leave(), phone.ended()]);
      t.match(heard, 'fcebd');
      t.match(office.ringdown.log, new RegExp(`"callerCodec":"OPUS","calleeCodec":"${codecs[0]}"`));
      if (!t.passing()) t.comment(baresip.report);
      t.same(await office.mediaPortsLeft(), []);
    },
  );
}

const secured = [
  ['a key over plain RTP', 'srtp', 'preferred'],
  ['RTP/SAVP', 'srtp-mand', 'preferred'],
  ['RTP/SAVP', 'srtp-mand', 'enforced'],
] as const;
for (const [title, mediaenc, security] of secured) {
  officeTest(`baresip offers ${title} where SRTP is ${security}: the other leg has none`, async (t, office) => {
    const own = ['extensions.201.mediaSecurity', security, 'extensions.202.mediaSecurity', 'disabled'];
    await configure(office.ringdown, own);
    const phone = await office.registered('202');
    const baresip = await Baresip.start(office, '201', 'adbfc', { dial: '202', mediaenc });
    t.teardown(() => baresip.close());
    t.notMatch((await phone.incomingCall()).sdp, /crypto/);
    await phone.answer();
    // Twice, since baresip begins to listen a little after it has its answer.
    await phone.play('fcebdfcebd');
    t.match((await phone.hears('adbfc')).notes, 'adbfc');
    const [heard] = await Promise.all([baresip.leave(), phone.ended()]);
    t.match(heard, 'fcebd');
    t.match(office.ringdown.log, /"callerSrtp":"AES_CM_128_HMAC_SHA1_80","calleeSrtp":"none"/);
    if (!t.passing()) t.comment(baresip.report);
    t.same(await office.mediaPortsLeft(), []);
  });
}

officeTest('baresip calls baresip with SRTP on both legs, each with keys of its own', async (t, office) => {
  await configure(office.ringdown, ['system.media.security', 'preferred']);
  const called = await Baresip.start(office, '202', 'fcebd', { mediaenc: 'srtp' });
  t.teardown(() => called.close());
  await called.registered(office, '202');
  const caller = await Baresip.start(office, '201', 'adbfc', { dial: '202', mediaenc: 'srtp-mand' });
  t.teardown(() => caller.close());
  await office.ringdown.logs(/"connected"/, 15_000);
  await Promise.all([caller.records(5), called.records(5)]);
  const toCaller = await caller.leave();
  const toCalled = await called.leave();
  t.match(toCaller, 'fcebd');
  t.match(toCalled, 'adbfc');
  t.match(office.ringdown.log, /"callerSrtp":"AES_\w+","calleeSrtp":"AES_\w+"/);
  if (!t.passing()) t.comment(caller.report, called.report);
});

officeTest('baresip with SRTP calls a G.722 phone that has none', async (t, office) => {
  await configure(office.ringdown, ['system.media.codecs', 'G722,PCMA,PCMU,G729']);
  const own = ['extensions.201.mediaSecurity', 'enforced', 'extensions.202.mediaSecurity', 'disabled'];
  await configure(office.ringdown, own);
  const phone = await office.registered('202', { localAddress: '::1', codecs: ['G722'] });
  const baresip = await Baresip.start(office, '201', 'adbfc', { dial: '202', mediaenc: 'srtp-mand' });
  t.teardown(() => baresip.close());
  t.notMatch((await phone.incomingCall()).sdp, /crypto/);
  await phone.answer();
  await phone.play('fcebdfcebd');
  t.match((await phone.hears('adbfc')).notes, 'adbfc');
  const [heard] = await Promise.all([baresip.leave(), phone.ended()]);
  t.match(heard, 'fcebd');
  t.match(office.ringdown.log, /"callerSrtp":"AES_CM_128_HMAC_SHA1_80","calleeSrtp":"none"/);
  if (!t.passing()) t.comment(baresip.report);
});

officeTest('RFC 4568: where SRTP is enforced a phone without it is told why it cannot call', async (t, office) => {
  await configure(office.ringdown, ['system.media.security', 'enforced']);
  const left = await office.registered('201');
  await office.registered('202');
  t.equal((await left.call('202')).status, 488);
  t.match(await left.transcript(), /Warning: 302 \S+ "audio without SRTP, which is enforced"/);
});

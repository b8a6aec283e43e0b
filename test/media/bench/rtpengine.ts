import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { atExit } from '../../support/cleanup.ts';
import { type Bencoded, bdecode, bencode } from './bencode.ts';
import { ADDRESS, LOWEST_PORT, type Load, type PortPair, type Side, type Work } from './side.ts';

const CONTROL_PORT = LOWEST_PORT - 2;
const START_ATTEMPTS = 50;
const ANSWER_TIMEOUT_MS = 1000;
const PCMA = { type: 8, name: 'PCMA' };
const G729 = { type: 18, name: 'G729' };

/** Debian's rtpengine in user space, with one thread for packets. */
export async function startRtpengine({ work, calls, parties }: Load): Promise<Side> {
  const args = [
    ...['--config-file=none', '--foreground', '--log-stderr', '--log-level=3', '--table=-1', '--num-threads=1'],
    ...[`--interface=${ADDRESS}`, `--listen-ng=${ADDRESS}:${CONTROL_PORT}`],
    ...[`--port-min=${LOWEST_PORT}`, `--port-max=${LOWEST_PORT + calls * 4 - 1}`],
  ];
  const child = spawn('rtpengine', args, { stdio: ['ignore', 'ignore', 'ignore'] });
  const ended = once(child, 'close');
  const kill = atExit(() => child.kill('SIGKILL'));
  const { pid } = child;
  if (pid === undefined) throw new Error('rtpengine was not started: make bench-media installs it');
  const socket = createSocket('udp4');
  socket.connect(CONTROL_PORT, ADDRESS);
  await once(socket, 'connect');
  // It refuses until it listens.
  socket.on('error', () => undefined);
  const engine = new Control(socket);
  try {
    await engine.waitUntilThere();
    const ports: PortPair[] = [];
    for (let call = 0; call < calls; call += 1) ports.push(await connect(engine, work, call, parties));
    const close = async () => {
      socket.close();
      child.kill('SIGTERM');
      await ended;
      kill();
    };
    return { name: 'rtpengine', pid, ports, close };
  } catch (error) {
    socket.close();
    kill();
    throw error;
  }
}

async function connect(engine: Control, work: Work, call: number, [first, second]: PortPair): Promise<PortPair> {
  const names = { 'call-id': `bench-${call}`, 'from-tag': 'first' };
  const common = { ...names, ICE: 'remove', replace: ['origin'], flags: ['trust-address'] };
  const changed = work === 'transcode' ? { codec: { mask: [PCMA.name], transcode: [G729.name] } } : {};
  const offered = await engine.ask({ command: 'offer', ...common, ...changed, sdp: sdp(first, PCMA) });
  const codec = work === 'transcode' ? G729 : PCMA;
  const answered = await engine.ask({ command: 'answer', ...common, 'to-tag': 'second', sdp: sdp(second, codec) });
  // The answer goes to the first party, the offer to the second one.
  return [mediaPort(answered), mediaPort(offered)];
}

function sdp(port: number, { type, name }: { readonly type: number; readonly name: string }): string {
  const lines = ['v=0', `o=- 1 1 IN IP4 ${ADDRESS}`, 's=-', `c=IN IP4 ${ADDRESS}`, 't=0 0'];
  return [...lines, `m=audio ${port} RTP/AVP ${type}`, `a=rtpmap:${type} ${name}/8000`, 'a=ptime:20', ''].join('\r\n');
}

function mediaPort(answer: Readonly<Record<string, Bencoded>>): number {
  const port = /^m=audio ([0-9]+) /m.exec(String(answer.sdp))?.[1];
  if (port === undefined) throw new Error(`rtpengine answered ${JSON.stringify(answer)}`);
  return Number(port);
}

/** Its ng protocol: a cookie, then a bencoded dictionary, in one datagram. */
class Control {
  readonly #socket: Socket;
  #cookie = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  async waitUntilThere(): Promise<void> {
    for (let attempt = 0; attempt < START_ATTEMPTS; attempt += 1) {
      const answer = await this.ask({ command: 'ping' }, 100).catch(() => undefined);
      if (answer?.result === 'pong') return;
      await delay(50);
    }
    throw new Error('rtpengine does not answer');
  }

  async ask(
    command: Readonly<Record<string, Bencoded>>,
    timeoutMs = ANSWER_TIMEOUT_MS,
  ): Promise<Readonly<Record<string, Bencoded>>> {
    const cookie = `bench${++this.#cookie}`;
    this.#socket.send(`${cookie} ${bencode(command)}`);
    const signal = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const [message] = (await once(this.#socket, 'message', { signal })) as [Buffer];
      const text = message.toString('latin1');
      if (!text.startsWith(`${cookie} `)) continue;
      const answer = bdecode(text.slice(cookie.length + 1));
      if (typeof answer !== 'object' || Array.isArray(answer)) throw new Error('rtpengine gave no dictionary');
      return answer as Readonly<Record<string, Bencoded>>;
    }
  }
}

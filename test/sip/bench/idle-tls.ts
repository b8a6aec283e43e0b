import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../firmware/core/clock.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import { SipStack } from '../../../firmware/sip/stack.ts';
import { testIdentity } from '../support/stacks.ts';

/** What connections cost that have said one message and then nothing. */
export interface IdleTls {
  readonly connections: number;
  /** Of the process that holds them: before the first, and with all. */
  readonly emptyBytes: number;
  readonly fullBytes: number;
}

const ADDRESS = '127.0.0.1';
/** Handshakes at a time. */
const PARALLEL = 64;

type Report = { readonly port: number } | { readonly rssBytes: number };

/**
 * Opens so many TLS connections to a SIP stack in a process of its own, lets each register as far as the challenge, and
 * weighs that process. Needs as many file descriptors: `ulimit -n`.
 */
export async function idleTls(connections: number): Promise<IdleTls> {
  const server = fork(fileURLToPath(import.meta.url), ['serve', String(connections)], { execArgv: ['--expose-gc'] });
  const answer = async (): Promise<Report> => {
    const [report] = await once(server, 'message');
    return report as Report;
  };
  const weigh = async (): Promise<number> => {
    server.send('weigh');
    const report = await answer();
    return 'rssBytes' in report ? report.rssBytes : 0;
  };
  const sockets: TLSSocket[] = [];
  try {
    const listening = await answer();
    if (!('port' in listening)) throw new Error('the stack does not listen');
    const emptyBytes = await weigh();
    while (sockets.length < connections) {
      const count = Math.min(PARALLEL, connections - sockets.length);
      sockets.push(...(await Promise.all(Array.from({ length: count }, () => speakOnce(listening.port)))));
    }
    const fullBytes = await weigh();
    return { connections: sockets.filter(({ destroyed }) => !destroyed).length, emptyBytes, fullBytes };
  } finally {
    for (const socket of sockets) socket.destroy();
    server.disconnect();
    await once(server, 'exit');
  }
}

async function speakOnce(port: number): Promise<TLSSocket> {
  const socket = connect({ host: ADDRESS, port, ca: testIdentity.ca });
  await once(socket, 'secureConnect');
  const id = `${socket.localPort}`;
  socket.write(
    `REGISTER sip:${ADDRESS} SIP/2.0\r\nVia: SIP/2.0/TLS ${ADDRESS}:${id};branch=z9hG4bK${id}\r\nMax-Forwards: 70\r\n` +
      `From: <sip:${id}@${ADDRESS}>;tag=${id}\r\nTo: <sip:${id}@${ADDRESS}>\r\nCall-ID: ${id}\r\nCSeq: 1 REGISTER\r\n` +
      `Contact: <sip:${id}@${ADDRESS}:${id};transport=tls>\r\nContent-Length: 0\r\n\r\n`,
  );
  await once(socket, 'data');
  return socket;
}

async function serve(connections: number): Promise<void> {
  const stack = await SipStack.open({
    listen: [{ protocol: 'tls', address: ADDRESS, port: 0, tls: testIdentity }],
    userAgent: 'bench',
    methods: ['REGISTER'],
    logger: createLogger('warn'),
    clock: systemClock,
    limits: { connections: connections + 10, connectionsPerSource: connections + 10 },
    handlers: {
      onInvite: () => false,
      onRequest(request) {
        request.respond(401);
        return true;
      },
    },
  });
  process.on('message', () => {
    globalThis.gc?.();
    process.send?.({ rssBytes: process.memoryUsage.rss() } satisfies Report);
  });
  process.on('disconnect', () => process.exit());
  process.send?.({ port: stack.listening[0]?.port ?? 0 } satisfies Report);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , role, count] = process.argv;
  if (role === 'serve') await serve(Number(count));
  else {
    const { connections, emptyBytes, fullBytes } = await idleTls(Number(role ?? 10_000));
    const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
    const each = ((fullBytes - emptyBytes) / connections / 1000).toFixed(1);
    process.stdout.write(
      `${connections} idle TLS connections: ${megabytes(fullBytes)} of ${megabytes(emptyBytes)} at first, ${each} kB each\n`,
    );
  }
}

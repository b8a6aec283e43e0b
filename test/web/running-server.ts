import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { type Clock, systemClock } from '../../firmware/core/clock.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import type { MakePhoneFile } from '../../firmware/phones/phone-file.ts';
import { WebServer, type WebServerOptions } from '../../firmware/web/server.ts';
import { Changes } from '../support/phone/changes.ts';

/** What a server of `start` has as 46xxspecials.txt. */
export const LONG = `## ${'a long file '.repeat(400)}\n`;

const makeFile: MakePhoneFile = ({ name, localAddress }) => {
  const text = { contentType: 'text/plain; charset=us-ascii', origin: 'generated', why: 'a test' } as const;
  switch (name) {
    case '46xxsettings.txt':
      return { ...text, body: `## for ${localAddress}\n` };
    case '46xxspecials.txt':
      return { ...text, body: LONG };
    case 'WebRootCA.pem':
      return { ...text, contentType: 'application/x-pem-file', body: Buffer.from('a certificate\n') };
    case 'broken':
      throw new Error('cannot be made');
    default:
      return undefined;
  }
};

interface Test {
  teardown(handler: () => Promise<void>): void;
}

export interface Running {
  readonly web: WebServer;
  readonly port: number;
  readonly lines: Record<string, unknown>[];
}

/** A web server with four files, on 127.0.0.1 unless changed, and the lines of its log. */
export async function start(t: Test, change: Partial<WebServerOptions> = {}): Promise<Running> {
  const lines: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)));
      done();
    },
  });
  const web = await WebServer.open({
    http: [{ address: '127.0.0.1', port: 0 }],
    https: [],
    makeFile,
    clock: systemClock,
    logger: createLogger('info', sink),
    ...change,
  });
  t.teardown(() => web.close());
  return { web, port: web.addresses[0]?.port ?? 0, lines };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Ask {
  readonly host?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function ask(
  port: number,
  path: string,
  { host = '127.0.0.1', method = 'GET', headers = {} }: Ask = {},
): Promise<Answer> {
  const request = httpRequest({ host, port, path, method, headers, agent: false });
  request.end();
  const [response] = await once(request, 'response');
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += String(chunk);
  return { status: response.statusCode, headers: response.headers, body };
}

/** Sends bytes as they are and returns all that comes back until the server closes. */
export async function raw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes, 'latin1');
  return received(socket);
}

export async function received(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  // A connection that is reset is closed as well.
  socket.on('error', () => {});
  await new Promise<void>((resolve) => socket.on('close', () => resolve()));
  return text;
}

/** Stands still: only what a test moves. Timers are real, since closing needs them. */
export function frozenClock(): Clock & { advance(ms: number): void } {
  let now = 1_700_000_000_000;
  return {
    now: () => now,
    elapsed: () => now,
    schedule: (delayMs, callback) => systemClock.schedule(delayMs, callback),
    advance(ms) {
      now += ms;
    },
  };
}

const WAIT_MS = 10_000;

/** Waits for what happens without an event of its own. */
export async function until(what: string, probe: () => boolean): Promise<void> {
  const changes = new Changes();
  const timer = setInterval(() => changes.notify(), 10);
  await changes
    .until(
      () => probe() || undefined,
      WAIT_MS,
      what,
      () => what,
    )
    .finally(() => clearInterval(timer));
}

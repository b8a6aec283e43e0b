/**
 * One of the two servers of bench.ts: `ours FOLDER`, the web server with a configuration, or `bare ANSWER`, node:http
 * that answers the same bytes. Tells its parent the port, and listens until it is killed.
 */
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pino } from 'pino';
import { ConfigurationStore } from '../../firmware/config/configuration-store.ts';
import { systemClock } from '../../firmware/core/clock.ts';
import { createLogger } from '../../firmware/core/logger.ts';
import { oncePerTurn } from '../../firmware/core/once-per-turn.ts';
import { isForPhones } from '../../firmware/phones/http-clients.ts';
import type { PhoneFileRequest } from '../../firmware/phones/phone-file.ts';
import { generatedPhoneFiles } from '../../firmware/phones/phone-files.ts';
import { RenderedFiles } from '../../firmware/phones/rendered-files.ts';
import { RequestLog } from '../../firmware/phones/request-log.ts';
import { phoneFiles, StaticPhoneFiles } from '../../firmware/phones/static-files.ts';
import { WebServer } from '../../firmware/web/server.ts';

interface Answer {
  /** Status line and fields, each ended by CRLF. */
  readonly head: string;
  readonly body: string;
}

/** What the bare server answers without and with If-None-Match. */
export interface BareAnswer {
  readonly full: Answer;
  readonly unchanged: Answer;
}

const UNLIMITED = 1_000_000_000;

async function ours(folder: string): Promise<void> {
  const store = ConfigurationStore.open(join(folder, 'data'));
  const generated = generatedPhoneFiles({
    configuration: () => store.current,
    box: () => ({
      version: '1.0.0',
      ports: { sipUdp: 5060, sipTcp: 5060, sipTls: 5061, http: 80, https: 443 },
      mediaPorts: { low: 46750, high: 50750 },
      year: new Date().getUTCFullYear(),
    }),
    rootCertificate: () => undefined,
  });
  const configuration = oncePerTurn(() => store.current);
  const rendered = new RenderedFiles({ make: generated, basis: () => [configuration()] });
  const makeFile = phoneFiles({
    generated: (request) => rendered.make(request),
    staticFiles: new StaticPhoneFiles(join(folder, 'data')),
  });
  // The log goes where writing costs next to nothing: what is measured is the server.
  const logger = createLogger('info', pino.destination({ dest: openSync('/dev/null', 'w'), sync: true }));
  const web = await WebServer.open({
    http: [{ address: '127.0.0.1', port: 0 }],
    makeFile,
    isAdmitted: (userAgent, name) => !configuration().system.http.avayaClientsOnly || isForPhones(userAgent, name),
    requestLog: new RequestLog(systemClock),
    clock: systemClock,
    logger,
    limits: { requestsPerSecond: UNLIMITED, requestBurst: UNLIMITED },
  });
  const request: PhoneFileRequest = {
    name: '46xxsettings.txt',
    localAddress: '127.0.0.1',
    lan: undefined,
    remoteAddress: '127.0.0.1',
    isSecure: false,
    userAgent: '',
  };
  const makeMs = [timed(() => generated(request)), timed(() => makeFile(request))];
  process.send?.({ port: web.addresses[0]?.port, makeMs });
}

/** The median, in milliseconds, after some to warm up. */
function timed(work: () => unknown): number {
  const times = Array.from({ length: 600 }, () => {
    const began = performance.now();
    work();
    return performance.now() - began;
  });
  return times.slice(100).sort((a, b) => a - b)[250] ?? 0;
}

async function bare(text: string): Promise<void> {
  const { full, unchanged }: BareAnswer = JSON.parse(text);
  const answers = [full, unchanged].map(({ head, body }) => {
    const [status = '', ...lines] = head.trimEnd().split('\r\n');
    // Those that node:http writes by itself.
    const fields = lines.filter((line) => !/^(?:date|connection|keep-alive):/i.test(line));
    return {
      status: Number(status.split(' ')[1]),
      fields: Object.fromEntries(fields.map((line) => line.split(': ', 2))),
      body: Buffer.from(body, 'latin1'),
    };
  });
  const [whole, none] = answers;
  const server = createServer((request, response) => {
    const answer = request.headers['if-none-match'] === undefined ? whole : none;
    response.writeHead(answer?.status ?? 500, answer?.fields);
    response.end(answer?.body.length === 0 ? undefined : answer?.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  process.send?.({ port: bound !== null && typeof bound === 'object' ? bound.port : 0, makeMs: [0, 0] });
}

const [kind, argument = ''] = process.argv.slice(2);
await (kind === 'ours' ? ours(argument) : bare(argument));

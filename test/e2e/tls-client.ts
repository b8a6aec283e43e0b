import { once } from 'node:events';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import type { Office } from './office.ts';

interface Fetched {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

/** As a phone does: the authority over HTTP first, everything else over TLS that it vouches for. */
export function fetch(office: Office, path: string, host: string, authority?: string): Promise<Fetched> {
  const { http, https } = office.ringdown.ports;
  const options = { host, path, timeout: 10_000 };
  return new Promise((resolve, reject) => {
    const request =
      authority === undefined
        ? getHttp({ ...options, port: http })
        : getHttps({ ...options, port: https, ca: authority });
    request.on('error', reject);
    request.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode, type: response.headers['content-type'], body }));
    });
  });
}

/** Rejects where the authority does not vouch for the box at `host`. */
export async function sipOverTls(office: Office, host: string, authority: string): Promise<TLSSocket> {
  const socket = connect({ host, port: office.ringdown.ports.sips, ca: authority, timeout: 10_000 });
  await once(socket, 'secureConnect');
  return socket;
}

/** Reads until the answer to what was sent is whole. */
export async function answerTo(socket: TLSSocket, text: string): Promise<string> {
  socket.setEncoding('latin1').write(text);
  let received = '';
  while (!received.includes('\r\n\r\n')) received += String((await once(socket, 'data'))[0]);
  return received;
}

/** An OPTIONS; `host` is an address as it stands in a URI. */
export function optionsOver({ localPort }: TLSSocket, host: string): string {
  return [
    `OPTIONS sip:${host} SIP/2.0`,
    `Via: SIP/2.0/TLS ${host}:5061;branch=z9hG4bK${localPort}`,
    'Max-Forwards: 70',
    `From: <sip:201@${host}>;tag=1`,
    `To: <sip:${host}>`,
    `Call-ID: ${localPort}`,
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '\r\n',
  ].join('\r\n');
}

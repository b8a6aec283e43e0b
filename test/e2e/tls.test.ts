import { once } from 'node:events';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { connect, type TLSSocket } from 'node:tls';
import { type Office, officeTest } from './office.ts';

interface Fetched {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

/** As a phone does: the authority over HTTP first, everything else over TLS that it vouches for. */
function fetch(office: Office, path: string, host: string, authority?: string): Promise<Fetched> {
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

async function sipOverTls(office: Office, host: string, authority: string): Promise<TLSSocket> {
  const socket = connect({ host, port: office.ringdown.ports.sips, ca: authority, timeout: 10_000 });
  await once(socket, 'secureConnect');
  return socket;
}

/** Reads until the answer to what was sent is whole. */
async function answerTo(socket: TLSSocket, text: string): Promise<string> {
  socket.setEncoding('latin1').write(text);
  let received = '';
  while (!received.includes('\r\n\r\n')) received += String((await once(socket, 'data'))[0]);
  return received;
}

officeTest('a phone that trusts WebRootCA.pem fetches its settings and speaks SIP over TLS', async (t, office) => {
  for (const host of ['127.0.0.1', '::1']) {
    const authority = await fetch(office, '/WebRootCA.pem', host);
    t.match(authority, { status: 200, body: /^-----BEGIN CERTIFICATE-----\n/ });
    t.notMatch(authority.body, /PRIVATE KEY/);
    const settings = await fetch(office, '/46xxsettings.txt', host, authority.body);
    t.match(settings, { status: 200, type: /^text\/plain/, body: /^SET TRUSTCERTS WebRootCA.pem$/m });
    const literal = host === '::1' ? '[::1]' : host;
    const controller = `SET SIP_CONTROLLER_LIST ${literal}:${office.ringdown.ports.sips};transport=tls`;
    t.ok(settings.body.split('\n').includes(controller), controller);

    const socket = await sipOverTls(office, host, authority.body);
    t.equal(socket.authorized, true);
    const answer = await answerTo(
      socket,
      [
        `OPTIONS sip:${literal} SIP/2.0`,
        `Via: SIP/2.0/TLS ${literal}:5061;branch=z9hG4bK${socket.localPort}`,
        'Max-Forwards: 70',
        `From: <sip:201@${literal}>;tag=1`,
        `To: <sip:${literal}>`,
        `Call-ID: ${socket.localPort}`,
        'CSeq: 1 OPTIONS',
        'Content-Length: 0',
        '\r\n',
      ].join('\r\n'),
    );
    t.match(answer, /^SIP\/2\.0 200 OK\r\n/);
    socket.destroy();
  }
});

officeTest('nobody speaks SIP over TLS with a box that another authority vouches for', async (t, office) => {
  await t.rejects(sipOverTls(office, '127.0.0.1', ''), /self-signed|unable to/);
});

officeTest('half a handshake and garbage on the TLS port change nothing', async (t, office) => {
  const { body: authority } = await fetch(office, '/WebRootCA.pem', '127.0.0.1');
  const socket = await sipOverTls(office, '127.0.0.1', authority);
  socket.write('\u0000\u0001\u0002 nonsense\r\n\r\n');
  await once(socket.resume(), 'close');
  const phone = await office.registered('201');
  t.equal(await phone.options(), 200);
});

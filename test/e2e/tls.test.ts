import { once } from 'node:events';
import { officeTest } from './office.ts';
import { answerTo, fetch, optionsOver, sipOverTls } from './tls-client.ts';

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
    t.match(await answerTo(socket, optionsOver(socket, literal)), /^SIP\/2\.0 200 OK\r\n/);
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

import type { Test } from 'tap';
import { RawPeer } from '../sip/support/raw-peer.ts';
import { freePorts } from '../support/free-ports.ts';
import { runRingdown } from '../support/ringdown.ts';
import { type Office, officeTest } from './office.ts';
import { fetch } from './tls-client.ts';

const WAIT_MS = 20_000;

async function set(t: Test, { ringdown }: Office, ...values: readonly (readonly [field: string, value: string])[]) {
  for (const [field, value] of values) {
    const words = ['config', 'set', `system.sip.${field}`, value, '--data', ringdown.dataDirectory];
    const { status, stdout, stderr } = await runRingdown(words);
    t.equal(status, 0, `${field}: ${stderr}`);
    t.notMatch(stdout + stderr, /no part of this version/);
  }
}

officeTest('an edit decides over which transports SIP is served, and phones are told so', async (t, office) => {
  const { ringdown } = office;
  const port = await freePorts(ringdown.addresses, 2);
  const { body: authority } = await fetch(office, '/WebRootCA.pem', '127.0.0.1');
  const staying = await office.registered('201', { transport: 'tcp' });

  await set(t, office, ['webSocket.port', String(port)], ['webSocket.enabled', 'true']);
  await ringdown.logs(/"opened":\["ws /, WAIT_MS);
  for (const address of ringdown.addresses) {
    const browser = await RawPeer.webSocket(address, port);
    const via = 'SIP/2.0/WS nobody.invalid;branch=z9hG4bKe2e';
    browser.send(browser.request('OPTIONS', 'e2e', { via, callId: `e2e-${address}` }));
    t.match(await browser.next(), /^SIP\/2\.0 200 /, `a browser is served on ${address}`);
    browser.close();
  }

  const controller = async (): Promise<string> => {
    const { body } = await fetch(office, '/46xxsettings.txt', '127.0.0.1', authority);
    return /^SET SIP_CONTROLLER_LIST (.*)$/m.exec(body)?.[1] ?? body;
  };
  t.match(await controller(), `127.0.0.1:${ringdown.ports.sips};transport=tls`);
  await set(t, office, ['udp.enabled', 'false'], ['tls.enabled', 'false']);
  await ringdown.logs(/"closed":\[[^\]]*"tls /, WAIT_MS);
  t.match(await controller(), `127.0.0.1:${ringdown.sipPort};transport=tcp`);
  t.equal(await staying.options(), 200, 'a connection of TCP stands');
});

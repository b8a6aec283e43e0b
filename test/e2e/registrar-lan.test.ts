import { join } from 'node:path';
import { requestCommand } from '../../firmware/console/control.ts';
import { Ringdown, runRingdown } from '../support/ringdown.ts';
import { officeTest } from './office.ts';
import { RegisteringPeer } from './registering-peer.ts';

officeTest(
  'on a LAN without registrar nobody logs in',
  async (t, office) => {
    const phone = await RegisteringPeer.open(office.ringdown, '202');
    try {
      t.equal((await phone.ask('REGISTER')).status, 200);
      const data = office.ringdown.dataDirectory;
      const edit = ['config', 'set', 'lan1.sipRegistrar', 'false', '--data', data];
      t.equal((await runRingdown(edit)).status, 0);
      const refused = await phone.ask('REGISTER');
      t.equal(refused.status, 403);
      t.same(refused.all('Warning'), ['399 ringdown "the SIP registrar is not enabled on LAN1"']);
      t.equal((await phone.ask('INVITE', { uri: 'sip:201@127.0.0.1', callId: 'call' })).status, 403);
      t.equal((await phone.ask('SUBSCRIBE', { callId: 'sub', headers: ['Event: reg'] })).status, 403);
      const { output } = await requestCommand(join(data, 'control.sock'), ['devices', 'list']);
      t.equal(output, 'No device is registered.\n', 'who was registered is logged out');
    } finally {
      phone.close();
    }
  },
  (t) => {
    const directory = t.testdir({ lan1: '127.0.0.1/8\n' });
    return Ringdown.create(['127.0.0.1'], directory);
  },
);

import t from 'tap';
import { isBehindNat } from '../../firmware/registrar/nat.ts';
import { type Flow, SipRequest } from '../../firmware/sip/stack.ts';

const CASES = [
  { source: '192.0.2.5', via: '192.0.2.5', contact: '192.0.2.5:5060', expected: false },
  { source: '203.0.113.7', via: '192.168.1.5', contact: '203.0.113.7', expected: true },
  { source: '203.0.113.7', via: '203.0.113.7', contact: '192.168.1.5', expected: true },
  { source: '192.0.2.5', via: 'phone.example', contact: '192.0.2.50', expected: true },
  { source: '192.0.2.5', via: 'phone.example', contact: 'phone.example', expected: false },
  { source: 'fd00::5', via: '[fd00::5]', contact: '[fd00::5]:5060', expected: false },
  { source: 'fd00::5', via: '[FD00:0:0::5]', contact: '[fd00:0000::0005]', expected: false },
  { source: 'fe80::5%eth0', via: '[fe80:0::5]', contact: '[fe80::5]', expected: false },
  { source: 'fd00::5', via: '[fd00::6]', contact: '[fd00::5]', expected: true },
  { source: 'fd00::5', via: '192.0.2.5', contact: '[fd00::5]', expected: true },
] as const;

for (const { source, via, contact, expected } of CASES) {
  t.test(`from ${source} by ${via}, contact ${contact}`, async (t) => {
    const flow: Flow = {
      ...{ protocol: 'udp', localAddress: '192.0.2.1', localPort: 5060 },
      ...{ remoteAddress: source, remotePort: 5060 },
    };
    const message = new SipRequest('REGISTER', 'sip:192.0.2.1', [['Via', `SIP/2.0/UDP ${via};branch=z9hG4bK1`]]);
    t.equal(isBehindNat(message, flow, `sip:201@${contact}`), expected);
    t.equal(isBehindNat(message, { ...flow, protocol: 'tls' }, `sip:201@${contact}`), false, 'over a connection');
  });
}

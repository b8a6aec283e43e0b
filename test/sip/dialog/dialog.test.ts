import t from 'tap';
import { Dialog } from '../../../firmware/sip/dialog/dialog.ts';
import type { HeaderField } from '../../../firmware/sip/message/headers.ts';
import { SipRequest } from '../../../firmware/sip/message/request.ts';
import { createResponse } from '../../../firmware/sip/message/response.ts';

function invite(headers: readonly HeaderField[] = [], cseq = 7): SipRequest {
  return new SipRequest('INVITE', 'sip:201@box', [
    ['Via', 'SIP/2.0/UDP peer;branch=z9hG4bK1'],
    ['From', '"Ada" <sip:202@peer>;tag=f'],
    ['To', 'sip:201@box'],
    ['Call-ID', 'c'],
    ['CSeq', `${cseq} INVITE`],
    ['Contact', '<sip:202@10.0.0.2:5062>'],
    ...headers,
  ]);
}

t.test('the callee writes the Record-Route as it came (RFC 3261 §12.1.1)', async (t) => {
  const dialog = Dialog.ofCallee(
    invite([
      ['Record-Route', '<sip:p1;lr>, <sip:p2;lr>'],
      ['Record-Route', '<sip:p3;lr>'],
    ]),
    'mine',
  );
  const bye = dialog.request('BYE');
  t.equal(bye.uri, 'sip:202@10.0.0.2:5062');
  t.same(bye.headers.all('Route'), ['<sip:p1;lr>', '<sip:p2;lr>', '<sip:p3;lr>']);
  t.equal(bye.headers.get('From'), 'sip:201@box;tag=mine');
  t.equal(bye.headers.get('To'), '"Ada" <sip:202@peer>;tag=f');
  t.same(bye.cseq, { number: 1, method: 'BYE' });
  t.equal(dialog.request('INFO').cseq.number, 2);
  t.equal(dialog.nextHop, 'sip:p1;lr');
});

t.test('the caller turns it round, and counts on from its INVITE (RFC 3261 §12.1.2)', async (t) => {
  const sent = invite([], 1);
  const headers: readonly HeaderField[] = [
    ['Record-Route', '<sip:p1;lr>, <sip:p2;lr>'],
    ['Contact', '<sip:phone@10.0.0.3>'],
  ];
  const dialog = Dialog.ofCaller(sent, createResponse(sent, 200, 'theirs', { headers }));
  const ack = dialog.request('ACK', { cseq: 1 });
  t.same(ack.headers.all('Route'), ['<sip:p2;lr>', '<sip:p1;lr>']);
  t.same(ack.cseq, { number: 1, method: 'ACK' });
  t.equal(dialog.request('BYE').cseq.number, 2);
  t.equal(dialog.remoteTag, 'theirs');
});

t.test('a strict router gets itself as Request-URI and the target as last Route (RFC 3261 §12.2.1.1)', async (t) => {
  const dialog = Dialog.ofCallee(invite([['Record-Route', '<sip:strict>, <sip:p2;lr>']]), 'mine');
  const bye = dialog.request('BYE');
  t.equal(bye.uri, 'sip:strict');
  t.same(bye.headers.all('Route'), ['<sip:p2;lr>', '<sip:202@10.0.0.2:5062>']);
});

t.test('CSeq MUST NOT go back; a target refresh moves the remote target only', async (t) => {
  const dialog = Dialog.ofCallee(invite([['Record-Route', '<sip:p1;lr>']]), 'mine');
  t.equal(dialog.takeCseq(invite([], 6)), false);
  t.equal(dialog.takeCseq(invite([], 20)), true);
  t.equal(dialog.takeCseq(invite([], 19)), false);
  const moved = new SipRequest('INVITE', 'sip:x', [['Contact', '<sip:moved@10.0.0.9>']]);
  dialog.refreshTarget(moved);
  dialog.refreshTarget(new SipRequest('INVITE', 'sip:x', []));
  const bye = dialog.request('BYE');
  t.equal(bye.uri, 'sip:moved@10.0.0.9');
  t.same(bye.headers.all('Route'), ['<sip:p1;lr>']);
});

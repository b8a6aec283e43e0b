import t from 'tap';
import { diversionCount, formatDiversion, parseDiversion } from '../../../firmware/sip/message/diversion.ts';
import { Headers } from '../../../firmware/sip/message/headers.ts';
import { formatHistoryEntry, parseHistoryEntry } from '../../../firmware/sip/message/history-info.ts';
import { formatIdentities, parseIdentities } from '../../../firmware/sip/message/identity.ts';
import { acceptsType, formatMediaType, parseMediaType } from '../../../firmware/sip/message/media-type.ts';
import { formatPrivacy, parsePrivacy, wantsPrivacy } from '../../../firmware/sip/message/privacy.ts';
import { CALL_COMPLETED_ELSEWHERE, formatReason, parseReason } from '../../../firmware/sip/message/reason.ts';
import { MAX_ROUTES, parseRoutes } from '../../../firmware/sip/message/route.ts';
import { formatWarning, parseWarning } from '../../../firmware/sip/message/warning.ts';

t.test('P-Asserted-Identity (RFC 3325 §9.1)', async (t) => {
  const headers = new Headers([
    ['P-Asserted-Identity', '"Cullen Jennings" <sip:fluffy@cisco.com>'],
    ['P-Asserted-Identity', 'tel:+14085264000'],
  ]);
  const identities = parseIdentities(headers.list('P-Asserted-Identity'));
  t.same(
    identities.map(({ displayName, uri }) => [displayName, uri]),
    [
      ['Cullen Jennings', 'sip:fluffy@cisco.com'],
      [undefined, 'tel:+14085264000'],
    ],
  );
  t.equal(formatIdentities(identities), '"Cullen Jennings" <sip:fluffy@cisco.com>, <tel:+14085264000>');
  const refused: readonly (readonly string[] | undefined)[] = [
    undefined,
    ['<sip:a@b>', '<sip:c@d>'],
    ['<tel:1>', '<tel:2>'],
    ['<sip:a@b>', '<tel:1>', '<tel:2>'],
    ['<http://a>'],
    ['nothing'],
  ];
  for (const values of refused) t.same(parseIdentities(values), [], String(values));
});

t.test('Privacy (RFC 3323 §4.2)', async (t) => {
  t.same(parsePrivacy('user; ID ;critical'), ['user', 'id', 'critical']);
  t.same(parsePrivacy('id, history'), ['id', 'history']);
  t.equal(parsePrivacy('id;'), undefined);
  t.equal(formatPrivacy(['id', 'critical']), 'id;critical');
  const wants: readonly (readonly [string | undefined, boolean])[] = [
    [undefined, false],
    ['none', false],
    ['session', false],
    ['history', false],
    ['id', true],
    ['header;critical', true],
    ['user', true],
    ['"', true],
  ];
  for (const [text, wanted] of wants) t.equal(wantsPrivacy(text), wanted, String(text));
});

t.test('Diversion (RFC 5806 §4)', async (t) => {
  const diversion = parseDiversion(
    '"Ada" <sip:201@box>;Reason=User-Busy;counter=2;limit=5;privacy=full;screen=yes;x=1',
  );
  t.same(diversion, {
    displayName: 'Ada',
    uri: 'sip:201@box',
    reason: 'user-busy',
    counter: 2,
    limit: 5,
    privacy: 'full',
    screen: 'yes',
  });
  if (diversion === undefined) return;
  t.equal(formatDiversion(diversion), 'Ada <sip:201@box>;reason=user-busy;counter=2;limit=5;privacy=full;screen=yes');
  const bare = parseDiversion('<tel:+49301>');
  t.match(bare, { reason: 'unknown', counter: 1, limit: undefined });
  t.match(parseDiversion('<sip:a@b>;reason="odd one";counter=0'), { reason: 'odd one', counter: 1 });
  t.equal(formatDiversion({ ...diversion, reason: 'odd one' }).includes('reason="odd one"'), true);
  t.equal(diversionCount(bare === undefined ? [] : [diversion, bare]), 3);
  t.equal(parseDiversion('nothing'), undefined);
});

t.test('History-Info (RFC 7044 §5)', async (t) => {
  const text = '<sip:bob@192.0.2.4?Reason=SIP%3Bcause%3D302&Privacy=history>;index=1.1;mp=1;x=y';
  const entry = parseHistoryEntry(text);
  t.same(entry, {
    displayName: undefined,
    uri: 'sip:bob@192.0.2.4',
    index: '1.1',
    target: { kind: 'mp', from: '1' },
    reasons: [{ protocol: 'SIP', cause: 302, text: undefined }],
    privacy: 'history',
    params: [['x', 'y']],
  });
  if (entry !== undefined) t.equal(formatHistoryEntry(entry), text);
  t.match(parseHistoryEntry('<tel:+4930>;index=1'), { uri: 'tel:+4930', target: undefined, reasons: [] });
  const refused = [
    '<sip:a@b>',
    '<sip:a@b>;index=x',
    '<sip:a@b>;index=01',
    '<sip:a@b>;index=1;rc=x',
    '<sip:a@b?x>;index=1',
  ];
  refused.push(`<sip:a@b>;index=${Array(40).fill('1').join('.')}`);
  for (const value of refused) t.equal(parseHistoryEntry(value), undefined, value);
});

t.test('Reason (RFC 3326 §2)', async (t) => {
  t.same(parseReason('SIP ;cause=200 ;text="Call completed elsewhere"'), CALL_COMPLETED_ELSEWHERE);
  t.equal(formatReason(CALL_COMPLETED_ELSEWHERE), 'SIP;cause=200;text="Call completed elsewhere"');
  t.same(parseReason('Q.850;cause=16'), { protocol: 'Q.850', cause: 16, text: undefined });
  t.same(parseReason('Preemption'), { protocol: 'Preemption', cause: undefined, text: undefined });
  t.same(parseReason(formatReason({ protocol: 'SIP', cause: 600, text: 'a "b" \\' }))?.text, 'a "b" \\');
  for (const text of ['', ';cause=1', 'SIP;cause=x', 'SIP;cause=1000', 'a b', 'SIP;']) {
    t.equal(parseReason(text), undefined, text);
  }
});

t.test('Warning (RFC 3261 §20.43)', async (t) => {
  const warning = { code: 307, agent: 'isi.edu', text: "Session parameter 'foo' not understood" };
  t.same(parseWarning('307 isi.edu "Session parameter \'foo\' not understood"'), warning);
  t.equal(formatWarning(warning), '307 isi.edu "Session parameter \'foo\' not understood"');
  t.match(parseWarning('399 [2001:db8::1]:5060  "a \\"b\\""'), { agent: '[2001:db8::1]:5060', text: 'a "b"' });
  for (const text of [
    '',
    '1812 overture "x"',
    '399 a',
    '399 a x',
    '399 a "x',
    '399 a "x" y',
    '399  "x"',
    'abc a "x"',
  ]) {
    t.equal(parseWarning(text), undefined, text);
  }
});

t.test('Path, Service-Route and Route (RFC 3327, RFC 3608)', async (t) => {
  const headers = new Headers([['Path', '<sip:P3.EXAMPLEHOME.COM;lr>,<sip:P1.EXAMPLEVISITED.COM>;x=1']]);
  t.match(parseRoutes(headers.list('Path')), [
    { uri: 'sip:P3.EXAMPLEHOME.COM;lr', isLoose: true, sipUri: { host: 'p3.examplehome.com' } },
    { isLoose: false, params: [['x', '1']] },
  ]);
  t.same(parseRoutes([]), []);
  const routes = (count: number): string[] => Array(count).fill('<sip:a;lr>');
  t.equal(parseRoutes(routes(MAX_ROUTES))?.length, MAX_ROUTES);
  for (const values of [undefined, ['<tel:1>'], ['nothing'], ['<sip:a'], routes(MAX_ROUTES + 1)]) {
    t.equal(parseRoutes(values), undefined, String(values).slice(0, 40));
  }
});

t.test('Content-Type and Accept (RFC 3261 §20.1, §20.15)', async (t) => {
  t.same(parseMediaType('Multipart / Mixed ; boundary="a;b"'), {
    type: 'multipart/mixed',
    params: [['boundary', '"a;b"']],
  });
  t.equal(formatMediaType({ type: 'text/html', params: [['charset', 'ISO-8859-4']] }), 'text/html;charset=ISO-8859-4');
  for (const text of ['', 'text', 'text/', '/x', 'a/b/c', 'a b/c', 'a/b;='])
    t.equal(parseMediaType(text), undefined, text);
  const accepts: readonly (readonly [accept: string, taken: boolean])[] = [
    ['application/sdp', true],
    ['text/html;level=1, Application/SDP;q=0.3', true],
    ['application/*', true],
    ['*/*;q=0.1', true],
    ['*/*, application/sdp;q=0', false],
    ['text/nobodyKnowsThis', false],
    ['', false],
  ];
  for (const [accept, taken] of accepts) {
    t.equal(acceptsType(new Headers([['Accept', accept]]).list('Accept') ?? [], 'application/sdp'), taken, accept);
  }
});

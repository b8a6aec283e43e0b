import t from 'tap';
import type { Binding } from '../../firmware/registrar/binding.ts';
import { registrationDocument } from '../../firmware/registrar/registration-document.ts';
import { RegistrationEvents } from '../../firmware/registrar/registration-events.ts';
import { FakeClock } from '../support/fake-clock.ts';

const flow = { protocol: 'udp', localAddress: '', localPort: 1, remoteAddress: '', remotePort: 1 } as const;
const NOW = 1_800_000_000_000;

function binding(more: Partial<Binding> = {}): Binding {
  return { contact: 'sip:201@192.0.2.50', callId: 'call-1', cSeq: 7, expiresAtMs: NOW + 60_000, flow, ...more };
}

const document = (bindings: readonly Binding[], ended: Parameters<typeof registrationDocument>[0]['ended'] = []) =>
  registrationDocument({ aor: 'sip:201@box', version: 3, bindings, ended, nowMs: NOW });

/** Opening and closing tags in pairs, quotes around attributes, no bare `&` or `<`: what a reader stumbles over. */
function isWellFormed(xml: string): boolean {
  const open: string[] = [];
  const rest = xml
    .replace(/^<\?xml[^?]*\?>/, '')
    .replace(
      /<(\/?)([\w:-]+)((?:\s[\w:-]+="[^"<&]*(?:&(?:amp|lt|gt|quot|apos);[^"<&]*)*")*)(\/?)>/g,
      (_all, closing, name, _attributes, empty) => {
        if (closing === '/') return open.pop() === name ? '' : '<wrong>';
        if (empty !== '/') open.push(name);
        return '';
      },
    );
  return open.length === 0 && !/[<>]|&(?!(?:amp|lt|gt|quot|apos);)/.test(rest);
}

t.test('a registration with a contact, and what it can do', async (t) => {
  const xml = document([
    binding({ q: 0.5, instance: '<urn:uuid:1>', regId: 2, publicGruu: 'sip:201@box;gr=urn:uuid:1', refreshed: true }),
  ]);
  t.ok(isWellFormed(xml), xml);
  t.match(
    xml,
    /^<\?xml version="1\.0" encoding="UTF-8"\?>\r\n<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" [^>]*version="3" state="full">/,
  );
  t.match(xml, /<registration aor="sip:201@box" id="r[0-9a-f]{16}" state="active">/);
  t.match(
    xml,
    /<contact id="r[0-9a-f]{16}" state="active" event="refreshed" expires="60" q="0\.5" callid="call-1" cseq="7">/,
  );
  t.match(xml, /<uri>sip:201@192\.0\.2\.50<\/uri>/);
  t.match(xml, /<unknown-param name="\+sip\.instance">&quot;&lt;urn:uuid:1&gt;&quot;<\/unknown-param>/);
  t.match(xml, /<gr:pub-gruu uri="sip:201@box;gr=urn:uuid:1"\/>/);
});

t.test('the state of a registration', async (t) => {
  t.match(document([]), /state="init"/);
  for (const event of ['unregistered', 'expired', 'deactivated', 'rejected'] as const) {
    const xml = document([], [{ binding: binding(), event }]);
    t.match(xml, /<registration [^>]* state="terminated">/);
    t.match(xml, new RegExp(`<contact [^>]*state="terminated" event="${event}" callid`));
  }
  const xml = document([binding()], [{ binding: binding({ contact: 'sip:other' }), event: 'rejected' }]);
  t.match(xml, /<registration [^>]* state="active">/);
  t.equal(new Set([...xml.matchAll(/ id="(\w+)"/g)].map(([, id]) => id)).size, 3, 'each has an id of its own');
});

t.test('nothing that a device writes breaks the document', async (t) => {
  for (const evil of [
    '"/><contact state="active',
    '</uri></contact></registration></reginfo>',
    '<!DOCTYPE x [<!ENTITY a "b">]>&a;',
    ']]><![CDATA[',
    '\u0000\u0001\u001b[2J\u007f\ud800\udfff\uffff\ufffe',
    "'&amp;&",
    '\r\nX: y\r\n',
  ]) {
    const xml = document([binding({ contact: evil, callId: evil, instance: evil, publicGruu: evil })]);
    t.ok(isWellFormed(xml), xml);
    t.ok([...xml].every((char) => char >= ' ' || char === '\r' || char === '\n'));
    t.equal(xml.split('\r\n').length, 7, 'and adds no line');
  }
});

t.test('what ended is told for a minute, and of one extension only so much', async (t) => {
  const clock = new FakeClock();
  const events = new RegistrationEvents({
    authorize: () => ({ kind: 'answered' }),
    bindings: () => [],
    domain: () => 'box',
    clock,
  });
  const count = () => events.state('201', 0).split('<contact').length - 1;
  for (let number = 0; number < 100; number += 1) {
    events.take('201', [{ binding: binding({ contact: `sip:${number}@a` }), event: 'expired' }]);
  }
  t.equal(count(), 8);
  t.match(events.state('201', 0), /sip:99@a/);
  clock.advance(59_999);
  t.equal(count(), 8);
  clock.advance(1);
  t.equal(count(), 0);
  t.match(events.state('201', 0), /state="init"/);
});

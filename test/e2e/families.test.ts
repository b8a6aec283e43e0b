/** Callers whose phones offer addresses of both families for one stream: they are answered in the family that they call by. */
import { officeTest, talk } from './office.ts';

const FAMILIES = [
  ['IPv4', '127.0.0.1', '::1'],
  ['IPv6', '::1', '127.0.0.1'],
] as const;

for (const how of ['ANAT', 'ALTC'] as const) {
  for (const [family, own, other] of FAMILIES) {
    officeTest(
      `a caller by ${family} whose ${how} offer prefers the other family talks by ${family}`,
      async (t, office) => {
        const caller = await office.registered('201', { localAddress: own, takesOffers: true });
        const called = await office.registered('202', { localAddress: own, takesOffers: true });
        await caller.invite('202', { alternative: how });
        const { sdp } = await called.incomingCall();
        t.notMatch(sdp, /altc|ANAT|a=mid/, 'the other phone is not asked to choose');
        t.equal(sdp.match(/m=audio/g)?.length, 1);
        await Promise.all([caller.answered(), called.answer()]);
        const answer = await caller.received(/SIP\/2\.0 200 [\s\S]*\nm=audio/);
        const addressType = family === 'IPv4' ? 'IP4' : 'IP6';
        t.match(answer, `c=IN ${addressType} ${own}\r\n`);
        t.notMatch(answer, new RegExp(`IN IP[46] ${other}\r`));
        if (how === 'ALTC') {
          t.notMatch(answer, /altc/, 'RFC 6947 §4.2: one address alone');
        } else {
          t.match(answer, /a=group:ANAT 2\r\n/);
          t.match(
            answer,
            /m=audio 0 RTP\/AVP[\s\S]*m=audio [1-9][0-9]+ RTP\/AVP/,
            'RFC 4091 §4: the other line is refused',
          );
        }
        await talk(t, caller, called);
        t.notMatch(office.ringdown.log, /"isDirect":true/, 'and their media stay at the box');
        await Promise.all([caller.bye(), called.ended()]);
        t.same(await office.mediaPortsLeft(), []);
      },
    );
  }
}

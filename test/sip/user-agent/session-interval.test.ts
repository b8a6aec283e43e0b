import t from 'tap';
import { Headers } from '../../../firmware/sip/message/headers.ts';
import { SipRequest } from '../../../firmware/sip/message/request.ts';
import { SipResponse } from '../../../firmware/sip/message/response.ts';
import {
  AskedInterval,
  agreeAsClient,
  agreeAsServer,
  parseSessionExpires,
} from '../../../firmware/sip/user-agent/session-interval.ts';

const OURS = { expiresSeconds: 1800, minSeconds: 120 };

interface Case {
  readonly title: string;
  readonly headers: readonly (readonly [string, string])[];
  /** What the 2xx says, or 422 with its Min-SE. */
  readonly answer: string;
  readonly refresher?: 'us' | 'peer';
}

const TIMER = ['Supported', '100rel, Timer'] as const;

// RFC 4028 §9, table 2.
const CASES: readonly Case[] = [
  {
    title: 'a caller that knows no timers is refreshed by us',
    headers: [],
    answer: '1800;refresher=uas',
    refresher: 'us',
  },
  {
    title: 'what a proxy asked for it is kept',
    headers: [['Session-Expires', '600']],
    answer: '600;refresher=uas',
    refresher: 'us',
  },
  {
    title: 'a caller that knows them refreshes',
    headers: [TIMER, ['Session-Expires', '600']],
    answer: '600;refresher=uac require',
    refresher: 'peer',
  },
  {
    title: 'it may say that we do',
    headers: [TIMER, ['Session-Expires', '600;refresher=uas']],
    answer: '600;refresher=uas',
    refresher: 'us',
  },
  {
    title: 'it may say that it does',
    headers: [TIMER, ['Session-Expires', '600 ; Refresher=UAC']],
    answer: '600;refresher=uac require',
    refresher: 'peer',
  },
  {
    title: 'without an interval it is ours',
    headers: [TIMER],
    answer: '1800;refresher=uac require',
    refresher: 'peer',
  },
  {
    title: 'more than ours is cut',
    headers: [TIMER, ['Session-Expires', '9000']],
    answer: '1800;refresher=uac require',
    refresher: 'peer',
  },
  {
    title: 'but not below its Min-SE',
    headers: [TIMER, ['Session-Expires', '9000'], ['Min-SE', '2000;x=y']],
    answer: '2000;refresher=uac require',
    refresher: 'peer',
  },
  { title: 'less than our least MUST get 422', headers: [TIMER, ['Session-Expires', '119']], answer: '422 120' },
  {
    title: 'unless nobody there would understand it',
    headers: [['Session-Expires', '100']],
    answer: '100;refresher=uas',
    refresher: 'us',
  },
  {
    title: 'nonsense is no interval',
    headers: [TIMER, ['Session-Expires', 'soon']],
    answer: '1800;refresher=uac require',
    refresher: 'peer',
  },
  {
    title: 'nor is a number beyond all',
    headers: [TIMER, ['Session-Expires', '99999999999']],
    answer: '1800;refresher=uac require',
    refresher: 'peer',
  },
];

t.test('the answering side (RFC 4028 §9)', async (t) => {
  for (const { title, headers, answer, refresher } of CASES) {
    const request = new SipRequest('INVITE', 'sip:a', headers);
    const agreement = agreeAsServer(request, OURS);
    if (agreement.kind === 'too-small') {
      t.equal(`422 ${agreement.minSeconds}`, answer, title);
      continue;
    }
    const said = agreement.headers.map(([name, value]) => (name === 'Require' ? 'require' : value)).join(' ');
    t.equal(said, answer, title);
    t.equal(agreement.interval.refresher, refresher, title);
  }
});

t.test('the asking side (RFC 4028 §7.2, §7.4)', async (t) => {
  const ok = (value?: string): SipResponse =>
    new SipResponse(200, 'OK', value === undefined ? [] : [['Session-Expires', value]]);
  t.same(agreeAsClient(ok(), 1800), { expiresSeconds: 1800, refresher: 'us' }, 'we refresh whom knows no timers');
  t.same(agreeAsClient(ok('600;refresher=uas'), 1800), { expiresSeconds: 600, refresher: 'peer' });
  t.same(agreeAsClient(ok('600;refresher=uac'), 1800), { expiresSeconds: 600, refresher: 'us' });
  t.same(agreeAsClient(ok('1'), 1800), { expiresSeconds: 90, refresher: 'us' }, 'no peer makes us refresh each second');
  const asked = new AskedInterval(300);
  const tooSmall = (min: string): SipResponse => new SipResponse(422, 'Session Interval Too Small', [['Min-SE', min]]);
  t.same(asked.headers(), [['Session-Expires', '300']]);
  t.equal(asked.raise(tooSmall('600')), true);
  t.same(asked.headers(), [
    ['Session-Expires', '600'],
    ['Min-SE', '600'],
  ]);
  t.equal(asked.raise(tooSmall('600')), false, 'asked for already');
  t.equal(asked.raise(new SipResponse(422, 'x', [])), false);
  t.same(asked.headers({ expiresSeconds: 900, refresher: 'peer' })[0], ['Session-Expires', '900;refresher=uas']);
  t.equal(parseSessionExpires(new Headers([['Session-Expires', '5;refresher="']])), undefined);
});

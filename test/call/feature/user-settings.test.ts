import t from 'tap';
import {
  changedSettings,
  SETTING_FEATURES,
  type SettingFeature,
} from '../../../firmware/call/feature/changed-settings.ts';
import { defaultShortCodes } from '../../../firmware/call/routing/default-short-codes.ts';
import { configurationOf } from '../routing/support/office.ts';
import { sipOfficeTest } from './sip-office.ts';

const PARTS = {
  userRights: { Guests: { enableDoNotDisturb: false, enableForwarding: false } },
  users: {
    201: { name: 'Anna', forwardUnconditional: { enabled: false, number: '203' } },
    202: { name: 'Ben', followMe: '201', doNotDisturb: { enabled: true, exceptions: ['203'] } },
    203: { name: 'Guest', userRights: 'Guests', forwardUnconditional: { enabled: true, number: '201' } },
  },
  huntGroups: {
    300: { name: 'Sales', members: [{ user: '201' }, { user: '202' }] },
    301: { name: 'Help', members: [{ user: '201' }] },
  },
};
const CONFIGURATION = configurationOf(PARTS);

/** What of the configuration is another one by it; `no`: it is refused, `same`: nothing changes. */
const cases: readonly (readonly [user: string, feature: SettingFeature, argument: string, expected: object | 'no'])[] =
  [
    [
      '201',
      'forward-unconditional-on',
      '',
      { users: { 201: { forwardUnconditional: { enabled: true, number: '203' } } } },
    ],
    ['202', 'forward-unconditional-on', '', 'no'],
    ['203', 'forward-unconditional-off', '', { users: { 203: { forwardUnconditional: { enabled: false } } } }],
    ['203', 'forward-unconditional-on', '', 'no'],
    [
      '201',
      'forward-number',
      '907700',
      { users: { 201: { forwardUnconditional: { enabled: false, number: '907700' } } } },
    ],
    ['203', 'forward-number', '202', 'no'],
    ['201', 'forward-on-busy-on', '', { users: { 201: { forwardOnBusy: { enabled: true, number: '203' } } } }],
    ['201', 'forward-on-busy-off', '', { users: { 201: { forwardOnBusy: { enabled: false } } } }],
    ['201', 'forward-on-no-answer-on', '', { users: { 201: { forwardOnNoAnswer: { enabled: true, number: '203' } } } }],
    ['201', 'forward-on-no-answer-off', '', { users: { 201: { forwardOnNoAnswer: { enabled: false } } } }],
    [
      '201',
      'forward-on-busy-number',
      '202',
      { users: { 201: { forwardOnBusy: { number: '202' }, forwardOnNoAnswer: { number: '202' } } } },
    ],
    ['201', 'forward-on-busy-number', '', 'no'],
    ['201', 'forward-hunt-group-calls-on', '', { users: { 201: { forwardUnconditional: { huntGroupCalls: true } } } }],
    [
      '201',
      'forward-hunt-group-calls-off',
      '',
      { users: { 201: { forwardUnconditional: { huntGroupCalls: false } } } },
    ],
    ['202', 'cancel-all-forwarding', '', { users: { 202: { followMe: '', doNotDisturb: { enabled: false } } } }],
    [
      '203',
      'cancel-all-forwarding',
      '',
      { users: { 203: { forwardUnconditional: { enabled: false, number: '201' } } } },
    ],
    ['201', 'do-not-disturb-on', '', { users: { 201: { doNotDisturb: { enabled: true } } } }],
    ['203', 'do-not-disturb-on', '', 'no'],
    ['202', 'do-not-disturb-off', '', { users: { 202: { doNotDisturb: { enabled: false, exceptions: ['203'] } } } }],
    [
      '202',
      'do-not-disturb-exception-add',
      '201',
      { users: { 202: { doNotDisturb: { exceptions: ['203', '201'] } } } },
    ],
    ['202', 'do-not-disturb-exception-add', '203', { users: { 202: { doNotDisturb: { exceptions: ['203'] } } } }],
    ['202', 'do-not-disturb-exception-delete', '203', { users: { 202: { doNotDisturb: { exceptions: [] } } } }],
    ['202', 'do-not-disturb-exception-delete', '201', 'no'],
    ['201', 'follow-me-here', '202', { users: { 202: { followMe: '201' }, 201: { followMe: '' } } }],
    ['201', 'follow-me-here', '203', 'no'],
    ['201', 'follow-me-here', '201', 'no'],
    ['201', 'follow-me-here', '999', 'no'],
    ['201', 'follow-me-here-cancel', '202', { users: { 202: { followMe: '' } } }],
    ['203', 'follow-me-here-cancel', '202', 'no'],
    ['201', 'follow-me-to', '203', { users: { 201: { followMe: '203' } } }],
    ['202', 'follow-me-to', '', { users: { 202: { followMe: '' } } }],
    ['201', 'call-waiting-off', '', { users: { 201: { callWaiting: false } } }],
    ['201', 'call-waiting-on', '', { users: { 201: { callWaiting: true } } }],
    ['201', 'voicemail-on', '', { users: { 201: { voicemail: { enabled: true } } } }],
    ['201', 'voicemail-off', '', { users: { 201: { voicemail: { enabled: false } } } }],
    ['201', 'voicemail-ringback-on', '', { users: { 201: { voicemail: { ringBack: true } } } }],
    ['201', 'voicemail-ringback-off', '', { users: { 201: { voicemail: { ringBack: false } } } }],
    [
      '202',
      'hunt-group-disable',
      '300',
      { huntGroups: { 300: { members: [{ user: '201', enabled: true }, { enabled: false }] } } },
    ],
    [
      '201',
      'hunt-group-disable',
      '',
      {
        huntGroups: {
          300: { members: [{ enabled: false }, { enabled: true }] },
          301: { members: [{ enabled: false }] },
        },
      },
    ],
    ['201', 'hunt-group-enable', '301', { huntGroups: { 301: { members: [{ enabled: true }] } } }],
    ['202', 'hunt-group-disable', '301', 'no'],
    [
      '201',
      'hunt-group-night-service-on',
      '300',
      { huntGroups: { 300: { nightService: { active: true } }, 301: { nightService: { active: false } } } },
    ],
    ['203', 'hunt-group-night-service-on', '300', 'no'],
    ['201', 'hunt-group-night-service-off', '', { huntGroups: { 300: { nightService: { active: false } } } }],
    ['__proto__', 'do-not-disturb-on', '', 'no'],
  ];
for (const [user, feature, argument, expected] of cases) {
  t.test(`${feature} ${argument} by ${user}`, async (t) => {
    const changed = changedSettings(CONFIGURATION, feature, argument, user);
    if (expected === 'no') t.equal(changed, undefined);
    else t.match(changed, expected);
  });
}
t.test('every feature of settings has a case', async (t) => {
  const tried = new Set<string>(cases.map(([, feature]) => feature));
  t.same(
    SETTING_FEATURES.filter((feature) => !tried.has(feature)),
    [],
  );
});

const OFFICE = { ...PARTS, shortCodes: defaultShortCodes('en-GB') };

sipOfficeTest(
  'a code changes a setting as an edit that names its user, and says so by a tone',
  OFFICE,
  async (t, office) => {
    const phone = await office.phone('201');
    t.match(await phone.call('*08'), { status: 200 });
    t.equal(office.configuration.users['201']?.doNotDisturb.enabled, true);
    t.same(office.edits, [
      { author: { who: 'user 201', origin: 'system' }, comment: 'do-not-disturb-on, dialled at extension 201' },
    ]);
    await office.until(() => office.media.sessions[0]?.hears === 'tone', 'a tone');
    t.match(office.media.sessions[0]?.sound, { tone: { steps: { length: 6 } } }, 'done');
    office.media.sessions[0]?.tell({ kind: 'playbackEnded', playback: 1, reason: 'ended' });
    office.clock.advance(5000);
    await phone.ended();
    t.same(office.media.open, []);
  },
);

sipOfficeTest('a code that its user may not use changes nothing, and sounds otherwise', OFFICE, async (t, office) => {
  const phone = await office.phone('203');
  t.match(await phone.call('*08'), { status: 200 });
  await office.until(() => office.media.sessions[0]?.hears === 'tone', 'a tone');
  t.match(office.media.sessions[0]?.sound, { tone: { steps: { length: 8 } } }, 'not done');
  t.same(office.edits, []);
  t.equal(office.configuration.users['203']?.doNotDisturb.enabled, false);
  await phone.bye();
  await office.until(() => office.media.open.length === 0, 'its port to be free');
});

sipOfficeTest('a number that cannot be is refused by the configuration', OFFICE, async (t, office) => {
  const phone = await office.phone('201');
  t.match(await phone.call(`*10*${'9'.repeat(40)}%23`), { status: 200 });
  await office.until(() => office.media.sessions[0]?.hears === 'tone', 'a tone');
  t.match(office.media.sessions[0]?.sound, { tone: { steps: { length: 8 } } }, 'not done');
  t.same(office.configuration.users['201']?.doNotDisturb.exceptions, []);
  await phone.bye();
});

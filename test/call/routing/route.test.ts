import t from 'tap';
import { type Caller, MAX_DIVERSIONS, type Step } from '../../../firmware/call/routing/plan.ts';
import { routeCall, routeToMember } from '../../../firmware/call/routing/route.ts';
import { describeStep, texts } from './support/describe-step.ts';
import {
  configurationOf,
  OFFICE,
  type Present,
  SATURDAY,
  stateOf,
  user,
  WEDNESDAY_NIGHT,
  WEDNESDAY_NOON,
} from './support/office.ts';

const office = configurationOf(OFFICE);

const line = (number: string, more: Partial<Extract<Caller, { kind: 'line' }>> = {}): Caller => ({
  kind: 'line',
  line: number,
  ...more,
});
const nobody: Caller = { kind: 'nobody', extension: '290' };

interface Row {
  readonly title: string;
  /** User 200, who may call everywhere, where it is left out. */
  readonly caller?: Caller;
  readonly dialled: string;
  readonly at?: number;
  readonly present?: Present;
  /** As describeStep writes it. */
  readonly step: string;
}

const ROWS: readonly Row[] = [
  {
    title: 'an extension',
    dialled: '201',
    step: 'ring 201 [201-1] 25s {busy+declined+noAnswer+unreachable: leave 201}',
  },
  {
    title: 'an extension, ended with #',
    dialled: '202#',
    step: 'ring 202 [202-1] 20s {busy+declined: ring 200 [200-1] 20s <202 user-busy; unreachable: ring 200 [200-1] 20s <202 unavailable}',
  },
  {
    title: 'an extension, with separators',
    dialled: '2-0 1',
    step: 'ring 201 [201-1] 25s {busy+declined+noAnswer+unreachable: leave 201}',
  },
  {
    title: 'another extension of a user leads to the user',
    dialled: '2012',
    present: { devices: { 2012: [0] } },
    step: 'ring 201 [201-1 2012-1] 25s {busy+declined+noAnswer+unreachable: leave 201}',
  },
  {
    title: 'a user at another telephone here is rung there, and what follows stays his',
    dialled: '201',
    present: { otherPhone: { 201: '210' } },
    step: 'ring 201 [210-1] 25s {busy+declined+noAnswer+unreachable: leave 201}',
  },
  {
    title: 'a user at another telephone here, however he writes its number, is rung there',
    dialled: '201',
    present: { otherPhone: { 201: '2-10#' } },
    step: 'ring 201 [210-1] 25s {busy+declined+noAnswer+unreachable: leave 201}',
  },
  {
    title: 'a user at another telephone outside is rung there alone',
    dialled: '201',
    present: { otherPhone: { 201: '907700900201' } },
    step: 'ring 201 [(2:07700900201 as 02079460000, 1:07700900201 as 02079460000)] 25s {busy+declined+noAnswer+unreachable: leave 201}',
  },
  {
    title: 'a user whose other telephone outside he may not call keeps his devices',
    dialled: '202',
    present: { otherPhone: { 202: '90019005550123' } },
    step: 'ring 202 [202-1] 20s {busy+declined: ring 200 [200-1] 20s <202 user-busy; unreachable: ring 200 [200-1] 20s <202 unavailable}',
  },
  {
    title: 'follow me counts before the other telephone',
    dialled: '205',
    present: { otherPhone: { 205: '907700900201' } },
    step: 'ring 205 [202-1] 20s',
  },
  {
    title: 'a telephone of somebody else never answers by itself',
    dialled: '210',
    present: { otherPhone: { 210: '203' } },
    step: 'ring 210 [203-1] 20s "Back at two"',
  },
  {
    title: 'all devices of a user ring at once',
    dialled: '201',
    present: { devices: { 201: [0, 0], 2012: [0] } },
    step: 'ring 201 [201-1 201-2 2012-1] 25s {busy+declined+noAnswer+unreachable: leave 201}',
  },
  {
    title: 'a user busy on one device gets the call there alone',
    dialled: '201',
    present: { devices: { 201: [1], 2012: [0] } },
    step: 'ring 201 [201-1~] 25s {busy+declined+noAnswer+unreachable: leave 201}',
  },
  { title: 'as many calls as fit', dialled: '201', present: { devices: { 201: [3], 2012: [0] } }, step: 'leave 201' },
  {
    title: 'busy without call waiting: forward on busy',
    caller: user('201'),
    dialled: '202',
    present: { devices: { 202: [1] } },
    step: 'ring 200 [200-1] 20s <202 user-busy',
  },
  {
    title: 'busy without call waiting, and nowhere to go',
    caller: user('201'),
    dialled: '205',
    present: { devices: { 202: [1] } },
    step: 'ring 205 [202-1~] 20s',
  },
  { title: 'no device registered: voicemail', dialled: '201', present: { devices: { 201: [] } }, step: 'leave 201' },
  {
    title: 'no device registered, no voicemail',
    caller: user('201'),
    dialled: '200',
    present: { devices: { 200: [] } },
    step: '480 unreachable',
  },
  {
    title: 'forward unconditional to outside',
    caller: user('201'),
    dialled: '203',
    step: 'line 2:07700900123 as own, 1:07700900123 as own <203 unconditional',
  },
  { title: 'a forward that goes round', dialled: '208', step: '482 forward-loop' },
  {
    title: 'no answer goes round: the caller hears the end of it',
    dialled: '213',
    step: 'ring 213 [213-1] 20s {noAnswer: ring 214 [214-1] 20s <213 no-answer; unreachable: ring 214 [214-1] 20s <213 unavailable}',
  },
  { title: 'do not disturb: voicemail', caller: user('201'), dialled: '204', step: 'leave 204' },
  {
    title: 'do not disturb lets an exception through',
    dialled: '204',
    step: 'ring 204 [204-1] 20s {busy+declined+noAnswer+unreachable: leave 204}',
  },
  {
    title: 'do not disturb lets a pattern of outside numbers through',
    caller: line('1', { callerNumber: '02079461234' }),
    dialled: '02079460204',
    step: 'ring 204 [204-1] 20s external {busy+declined+noAnswer+unreachable: leave 204}',
  },
  {
    title: 'a called number with its country code, and without the plus',
    caller: line('1', { callerNumber: '02079461234' }),
    dialled: '442079460204',
    step: 'ring 204 [204-1] 20s external {busy+declined+noAnswer+unreachable: leave 204}',
  },
  {
    title: 'and no other outside',
    caller: line('1', { callerNumber: '01632960001' }),
    dialled: '02079460204',
    step: 'leave 204',
  },
  { title: 'do not disturb without voicemail', dialled: '215', step: '486 do-not-disturb' },
  { title: 'follow me: the devices there ring', dialled: '205', step: 'ring 205 [202-1] 20s' },
  {
    title: 'mobile twinning after its delay',
    dialled: '206',
    step: 'ring 206 [206-1 (2:07700900206 as 02079460000, 1:07700900206 as 02079460000)+5s] 20s {noAnswer: ring 201 [201-1] 25s <206 no-answer {busy+declined+noAnswer+unreachable: leave 201}; unreachable: ring 201 [201-1] 25s <206 unavailable {busy+declined+noAnswer+unreachable: leave 201}}',
  },
  {
    title: 'mobile twinning at once where no device is registered',
    dialled: '206',
    present: { devices: { 206: [] } },
    step: 'ring 206 [(2:07700900206 as 02079460000, 1:07700900206 as 02079460000)] 20s {noAnswer: ring 201 [201-1] 25s <206 no-answer {busy+declined+noAnswer+unreachable: leave 201}; unreachable: ring 201 [201-1] 25s <206 unavailable {busy+declined+noAnswer+unreachable: leave 201}}',
  },
  {
    title: 'no mobile twinning where the user is busy',
    dialled: '206',
    present: { devices: { 206: [1] } },
    step: 'ring 206 [206-1~] 20s {noAnswer: ring 201 [201-1] 25s <206 no-answer {busy+declined+noAnswer+unreachable: leave 201}; unreachable: ring 201 [201-1] 25s <206 unavailable {busy+declined+noAnswer+unreachable: leave 201}}',
  },
  {
    title: 'internal twinning, auto-answer but at the telephone of the other one, and absent text',
    caller: user('201'),
    dialled: '210',
    step: 'ring 210 [210-1 200-1!] 20s auto-answer "Back at two"',
  },
  {
    title: 'none of these waits on its own',
    caller: user('201'),
    dialled: '210',
    present: { devices: { 210: [1] } },
    step: 'ring 210 [210-1~] 20s "Back at two"',
  },
  {
    title: 'coverage and decline policy',
    caller: user('201'),
    dialled: '211',
    step: 'ring 211 [211-1] 20s 603 {noAnswer: ring 200 [200-1] 20s <211 no-answer; unreachable: ring 200 [200-1] 20s <211 unavailable}',
  },
  { title: 'an account that is not enabled', dialled: '212', step: '480 unreachable' },
  {
    title: 'whoever calls himself gets his other devices',
    caller: user('201', { device: '201-1' }),
    dialled: '201',
    present: { devices: { 201: [1], 2012: [0] } },
    step: 'ring 201 [2012-1] 25s',
  },
  {
    title: 'whoever calls himself with his only device is busy',
    caller: user('201', { device: '201-1' }),
    dialled: '201',
    present: { devices: { 201: [1], 2012: [] } },
    step: '486 busy',
  },
  {
    title: 'an extension that is nobody’s',
    dialled: '290',
    present: { devices: { 290: [0] } },
    step: 'ring 290 [290-1] 20s',
  },
  {
    title: 'a hunt group by day',
    dialled: '300',
    step: 'hunt 300 {busy+noAnswer+unreachable: hunt 301 <300 no-answer}',
  },
  { title: 'a hunt group at night', dialled: '300', at: WEDNESDAY_NIGHT, step: 'hunt 302 <300 unavailable' },
  { title: 'a hunt group on a day off', dialled: '300', at: SATURDAY, step: 'hunt 302 <300 unavailable' },
  {
    title: 'overflow that goes round',
    dialled: '303',
    step: 'hunt 303 {busy+noAnswer+unreachable: hunt 304 <303 no-answer}',
  },
  {
    title: 'a number to outside',
    dialled: '902079461111',
    step: 'line 1:02079461111 as 02079460000, 2:02079461111 as 02079460000',
  },
  {
    title: 'the best match is the one with fewer open places',
    dialled: '91234',
    step: 'line 2:5551234 as 02079460000',
  },
  {
    title: 'a code that withholds the number, over a group',
    dialled: '802079461111',
    step: 'line 1:02079461111 as withheld',
  },
  {
    title: 'a user who withholds his number',
    caller: user('211'),
    dialled: '902079461111',
    step: 'line 1:02079461111 as withheld, 2:02079461111 as withheld',
  },
  {
    title: 'a device that wants its number withheld',
    caller: user('200', { withholdsNumber: true }),
    dialled: '902079461111',
    step: 'line 1:02079461111 as withheld, 2:02079461111 as withheld',
  },
  {
    title: 'international with the class for it',
    dialled: '90012125550123',
    step: 'line 2:0012125550123 as 02079460000, 1:0012125550123 as 02079460000',
  },
  { title: 'international without it', caller: user('202'), dialled: '90012125550123', step: '403 barred' },
  { title: 'barred by the class: a satellite', dialled: '9008816123456', step: '403 barred' },
  { title: 'barred by the route: premium', dialled: '909065551234', step: '403 barred' },
  {
    title: 'barred by a code of the user, before one of the system',
    caller: user('201'),
    dialled: '908451234567',
    step: '403 barred',
  },
  { title: 'the outgoing call bar', caller: user('207'), dialled: '902079461111', step: '403 barred' },
  {
    title: 'a mobile number by day, cheap line first',
    dialled: '907700900999',
    step: 'line 2:07700900999 as 02079460000, 1:07700900999 as 02079460000',
  },
  {
    title: 'a mobile number at night',
    dialled: '907700900999',
    at: WEDNESDAY_NIGHT,
    step: 'line 1:07700900999 as 02079460000, 2:07700900999 as 02079460000',
  },
  {
    title: 'the first line out of service',
    dialled: '902079461111',
    present: { lines: { 1: { isInService: false } } },
    step: 'line 2:02079461111 as 02079460000',
  },
  {
    title: 'the first line full',
    dialled: '902079461111',
    present: { lines: { 1: { channelsInUse: 2 } } },
    step: 'line 2:02079461111 as 02079460000',
  },
  {
    title: 'every line out of service',
    dialled: '902079461111',
    present: { lines: { 1: { isInService: false }, 2: { isInService: false } } },
    step: '503 no-line-in-service',
  },
  { title: 'a group with one line', dialled: '7302079461111', step: 'line 5:02079461111 as 02079460000' },
  {
    title: 'in international form, without a code',
    dialled: '+442079461111',
    step: 'line 1:+442079461111 as 02079460000, 2:+442079461111 as 02079460000',
  },
  { title: 'a feature with an argument', dialled: '*07*300#', step: 'forward-number(300) of 200 at 200' },
  { title: 'the same, its end left out', dialled: '*07*300', step: '484 incomplete' },
  { title: 'voicemail of one’s own', caller: user('201'), dialled: '*17', step: 'collect 201' },
  { title: 'voicemail by the number that clients call', caller: user('201'), dialled: '*99', step: 'collect 201' },
  { title: 'voicemail as clients call it', caller: user('201'), dialled: 'VM.user', step: 'collect 201' },
  { title: 'one’s own by number', caller: user('201'), dialled: 'vm.201', step: 'collect 201' },
  { title: 'one’s own by name', caller: user('201'), dialled: 'VM.anna', step: 'collect 201' },
  { title: 'a message for another', dialled: 'VM.201', step: 'leave 201' },
  { title: 'a message for another, by his name', dialled: 'VM.Carla', step: 'leave 203' },
  { title: 'the mailbox of a group, by a member', caller: user('201'), dialled: 'VM.300', step: 'collect 300' },
  { title: 'whoever has no voicemail', dialled: 'VM.202', step: '404 no-such-number' },
  { title: 'a mailbox of nobody', dialled: 'VM.999', step: '404 no-such-number' },
  { title: 'a mailbox is for who calls from here', caller: line('1'), dialled: 'VM.201', step: '404 no-such-number' },
  { title: 'a code of the user rights', caller: user('207'), dialled: '*1', step: 'call-park() of 207 at 207' },
  { title: 'which others do not have', dialled: '*1', step: '484 incomplete' },
  {
    title: 'a code that dials an extension',
    dialled: '704',
    step: 'ring 204 [204-1] 20s {busy+declined+noAnswer+unreachable: leave 204}',
  },
  { title: 'a code that dials an extension whose forward goes round', dialled: '709', step: '482 forward-loop' },
  {
    title: 'a speed dial of the user',
    caller: user('201'),
    dialled: '*55',
    step: 'line 1:02079460123 as own, 2:02079460123 as own',
  },
  { title: 'speed dials that lead to each other', dialled: '71', step: '482 forward-loop' },
  { title: 'a code that is busy', dialled: '*9000', step: '486 busy' },
  { title: 'the beginning of a code', dialled: '*0', step: '484 incomplete' },
  { title: 'the beginning of an extension', dialled: '20', step: '484 incomplete' },
  { title: 'the same, ended', dialled: '20#', step: '404 no-such-number' },
  { title: 'the prefix to outside alone', dialled: '9', step: '484 incomplete' },
  { title: 'nothing of all that', dialled: '6543', step: '404 no-such-number' },
  { title: 'nothing at all', dialled: '', step: '404 no-such-number' },
  {
    title: 'an emergency number',
    dialled: '999',
    step: 'line 1:999 as 02079460000, 2:999 as 02079460000, 5:999 as 02079460000 HELP 999 at nowhere',
  },
  {
    title: 'with the prefix of habit',
    dialled: '9112',
    step: 'line 1:112 as 02079460000, 2:112 as 02079460000, 5:112 as 02079460000 HELP 112 at nowhere',
  },
  {
    title: 'ended with #',
    dialled: '999#',
    step: 'line 1:999 as 02079460000, 2:999 as 02079460000, 5:999 as 02079460000 HELP 999 at nowhere',
  },
  {
    title: 'from a barred user',
    caller: user('207'),
    dialled: '999',
    step: 'line 1:999 as own, 2:999 as own, 5:999 as own HELP 999 at nowhere',
  },
  {
    title: 'from a disabled account',
    caller: user('212'),
    dialled: '999',
    step: 'line 1:999 as own, 2:999 as own, 5:999 as own HELP 999 at nowhere',
  },
  {
    title: 'from a phone where nobody is logged in',
    caller: nobody,
    dialled: '999',
    step: 'line 1:999 as own, 2:999 as own, 5:999 as own HELP 999 at nowhere',
  },
  {
    title: 'by extension: the warehouse, over its own lines',
    caller: user('201', { extension: '2012' }),
    dialled: '112',
    step: 'line 2:112 as 01632960999, 1:112 as 01632960999, 5:112 as 01632960999 HELP 112 at Warehouse',
  },
  {
    title: 'by subnet',
    caller: user('200', { remoteAddress: '192.168.42.20' }),
    dialled: '112',
    step: 'line 1:112 as 02079460999, 2:112 as 02079460999, 5:112 as 02079460999 HELP 112 at Office',
  },
  {
    title: 'by the smaller subnet',
    caller: user('200', { remoteAddress: '192.168.42.200' }),
    dialled: '112',
    step: 'line 1:112 as 02079460998, 2:112 as 02079460998, 5:112 as 02079460998 HELP 112 at Cellar',
  },
  {
    title: 'with every line full, those that can drop a call first',
    dialled: '999',
    present: {
      lines: { 1: { channelsInUse: 2 }, 2: { channelsInUse: 2, hasCallToDrop: true }, 5: { isInService: false } },
    },
    step: 'line 2:999 as 02079460000, 1:999 as 02079460000, 5:999 as 02079460000 HELP 999 at nowhere',
  },
  {
    title: 'a number that is one in the warehouse',
    caller: user('201', { extension: '2012' }),
    dialled: '5555',
    step: 'line 2:5555 as 01632960999, 1:5555 as 01632960999, 5:5555 as 01632960999 HELP 5555 at Warehouse',
  },
  {
    title: 'and none in the office',
    caller: user('200', { remoteAddress: '192.168.42.20' }),
    dialled: '5555',
    step: '404 no-such-number',
  },
  { title: 'nobody logged in calls an extension', caller: nobody, dialled: '201', step: '403 not-logged-in' },
  { title: 'nobody logged in dials out', caller: nobody, dialled: '902079461111', step: '403 not-logged-in' },
  {
    title: 'nobody logged in logs in',
    caller: nobody,
    dialled: '*35*201#',
    step: 'extension-login(201) of nobody at 290',
  },
  { title: 'nobody logged in has begun to', caller: nobody, dialled: '*35', step: '484 incomplete' },
  { title: 'a disabled account calls', caller: user('212'), dialled: '201', step: '403 barred' },
  {
    title: 'incoming: the main number by day',
    caller: line('1', { callerNumber: '02071234567' }),
    dialled: '02079460000',
    step: 'hunt 300 {busy+noAnswer+unreachable: hunt 301 <300 no-answer}',
  },
  {
    title: 'incoming: at night',
    caller: line('1', { callerNumber: '02071234567' }),
    dialled: '+442079460000',
    at: WEDNESDAY_NIGHT,
    step: 'ring 200 [200-1] 20s external',
  },
  {
    title: 'incoming: by the last digits',
    caller: line('1'),
    dialled: '+442079460201',
    step: 'ring 201 [201-1] 25s external {busy+declined+noAnswer+unreachable: leave 201}',
  },
  {
    title: 'incoming: the caller counts',
    caller: line('1', { callerNumber: '+442071111222' }),
    dialled: '02079460000',
    step: '486 do-not-disturb',
  },
  {
    title: 'incoming: any number of another line',
    caller: line('2'),
    dialled: '0123',
    step: 'ring 200 [200-1] 20s external',
  },
  { title: 'incoming: a number of no route', caller: line('1'), dialled: '02079469999', step: '404 no-such-number' },
  {
    title: 'incoming: the last digits alone',
    caller: line('1'),
    dialled: '201',
    step: 'ring 201 [201-1] 25s external {busy+declined+noAnswer+unreachable: leave 201}',
  },
  { title: 'incoming: an extension is no route', caller: line('1'), dialled: '202', step: '404 no-such-number' },
  {
    title: 'incoming, and forwarded to outside',
    caller: line('1', { callerNumber: '02071234567' }),
    dialled: '02079460203',
    step: 'line 2:07700900123 as 02071234567, 1:07700900123 as 02071234567 <203 unconditional',
  },
  {
    title: 'incoming: withheld, and forwarded to outside',
    caller: line('1'),
    dialled: '02079460203',
    step: 'line 2:07700900123 as withheld, 1:07700900123 as withheld <203 unconditional',
  },
  {
    title: 'incoming: a code in place of a number',
    caller: line('1'),
    dialled: '902079461111',
    step: '404 no-such-number',
  },
  { title: 'incoming: an emergency number is none', caller: line('1'), dialled: '999', step: '404 no-such-number' },
  {
    title: 'incoming: help calls back',
    caller: line('1', { callerNumber: '02070000000' }),
    dialled: '02079460999',
    present: { callBack: { '02079460999': '204' } },
    step: 'ring 204 [204-1] 20s external',
  },
];

function route(
  dialled: string,
  caller: Caller = user('200'),
  present: Present = {},
  configuration = office,
  at = WEDNESDAY_NOON,
) {
  return routeCall({ caller, dialled, configuration, at, state: stateOf(present) });
}

t.test('where calls of an office go', async (t) => {
  for (const { title, caller, dialled, at, present, step } of ROWS) {
    const plan = route(dialled, caller, present, office, at);
    t.equal(describeStep(plan.step), step, `${title}: ${dialled}`);
    t.ok(plan.decisions.length > 0, 'and why is told');
  }
});

t.test('decisions say in words why', async (t) => {
  t.strictSame(texts(route('907700900999', user('202'))), [
    'user 202 at extension 202 dials 907700900999',
    'the short code 9N of the system: dial 07700900999',
    'user 202: without a class of service calls up to national are allowed, and this one is national',
    'shown is the number of the line',
    'ARS route Main: the code 07N is the best match of 07700900999',
    'then ARS route Spare',
    'ARS route Spare: the code ? is the best match of 07700900999',
    'line 2 sends 07700900999, as number 1 in the order',
    'line 1 sends 07700900999, as number 2 in the order',
    'line 3 is switched off',
  ]);
  const { decisions } = route('206', user('202'));
  t.match(
    decisions.find(({ text }) => text === 'user 206 forwards to 201 (no-answer)'),
    { about: 'forward', depth: 1 },
  );
  t.match(route('208').step, { kind: 'refuse', status: 482, why: 'the call goes round: 208 to 209 to 208' });
});

t.test('callers are shown by name, those outside as the directory knows them', async (t) => {
  t.strictSame(route('201').caller, { number: '200', name: 'Rita Reception', isWithheld: false });
  const known = route('02079460000', line('1', { callerNumber: '02071234567', callerName: 'BANK PLC' }));
  t.strictSame(known.caller, { number: '02071234567', name: 'The bank', isWithheld: false });
  const unknown = route('02079460000', line('1', { callerNumber: '0207999', callerName: 'Somebody' }));
  t.strictSame(unknown.caller, { number: '0207999', name: 'Somebody', isWithheld: false });
  t.strictSame(route('02079460000', line('1')).caller, { number: undefined, name: undefined, isWithheld: true });
  t.equal(route('201', user('200', { withholdsNumber: true })).caller.isWithheld, true);
});

t.test('calls never go from line to line unless that is allowed', async (t) => {
  const { telephony } = OFFICE.system;
  const strict = configurationOf({
    ...OFFICE,
    system: { ...OFFICE.system, telephony: { ...telephony, trunkToTrunk: 'never' } },
  });
  const caller = line('1', { callerNumber: '02071234567' });
  t.match(route('02079460203', caller, {}, strict).step, { kind: 'refuse', status: 403, reason: 'trunk-to-trunk' });
  t.match(route('203', user('200'), {}, strict).step, { kind: 'line' }, 'a call from here is forwarded all the same');
  const twinned = configurationOf({
    ...OFFICE,
    system: { ...OFFICE.system, telephony: { ...telephony, trunkToTrunk: 'never' } },
    incomingRoutes: { Fay: { lineGroup: 1, destination: '206' } },
  });
  const plan = route('02079460000', caller, {}, twinned);
  t.match(plan.step, { kind: 'ring', targets: [{ kind: 'device', device: '206-1' }] });
  t.equal((plan.step as Extract<Step, { kind: 'ring' }>).targets.length, 1, 'the twinned number does not ring');
  t.ok(texts(plan).some((text) => /twinned number of user 206 does not ring/.test(text)));
});

t.test('what a class bars is barred in whatever form it is dialled', async (t) => {
  const configuration = configurationOf({
    system: { locale: 'en-GB' },
    users: { 201: { name: 'a', classOfService: 'Class' }, 202: { name: 'b' } },
    shortCodes: { '?': { feature: 'dial', telephoneNumber: '.' } },
    lines: { 1: { domain: 'example.com', userName: 'x' } },
    classesOfService: { Class: { calls: 'international', barred: ['0900N', '001N'], allowed: ['0800N'] } },
  });
  const dial = (from: string, dialled: string) => route(dialled, user(from), {}, configuration).step;
  for (const number of ['0900123456', '+44900123456', '0044900123456', '#31#0900123456', '*31##31#+44900123456']) {
    t.match(dial('201', number), { kind: 'refuse', reason: 'barred' }, number);
  }
  for (const number of ['0012125550123', '+12125550123']) t.match(dial('201', number), { status: 403 }, number);
  for (const number of ['0800123456', '+44800123456', '02079460000', '+33123456789']) {
    t.match(dial('201', number), { kind: 'line' }, number);
  }
  for (const number of ['#31#0012125550123', '*670012125550123', 'x0012125550123', '0+12125550123']) {
    t.match(dial('202', number), { kind: 'refuse', reason: 'barred' }, `${number} may be one abroad`);
  }
  t.match(dial('202', '#31#02079460000'), { kind: 'line' }, 'within the country');
});

t.test('an emergency number of the country reaches help from everywhere, wherever else it is written', async (t) => {
  const { emergencyNumbers } = OFFICE;
  const configuration = configurationOf({
    ...OFFICE,
    emergencyNumbers: { ...emergencyNumbers, 999: { location: 'Warehouse' }, 112: { location: 'Warehouse' } },
  });
  const caller = user('200', { remoteAddress: '192.168.42.7' });
  for (const number of ['999', '112', '9112']) {
    t.match(route(number, caller, {}, configuration).step, { kind: 'line', call: { emergency: {} } }, number);
  }
});

t.test('a forward pays with the class of service of whoever forwards', async (t) => {
  const configuration = configurationOf({
    ...OFFICE,
    users: {
      ...OFFICE.users,
      203: { name: 'Carla', forwardUnconditional: { enabled: true, number: '90012125550123' } },
      207: { name: 'Guest', userRights: 'Guests', forwardUnconditional: { enabled: true, number: '902079461111' } },
    },
  });
  t.match(route('203', user('200'), {}, configuration).step, { status: 403, reason: 'barred' }, '200 may, 203 may not');
  t.equal(
    describeStep(route('207', user('200'), {}, configuration).step),
    'ring 207 [207-1] 20s',
    'the rights keep him from it',
  );
});

t.test('forwards end', async (t) => {
  const numbers = Array.from({ length: MAX_DIVERSIONS + 2 }, (_, index) => String(200 + index));
  const chain = (length: number) =>
    configurationOf({
      users: Object.fromEntries(
        numbers.map((number, index) => [
          number,
          {
            name: `User ${number}`,
            ...(index < length ? { forwardUnconditional: { enabled: true, number: String(Number(number) + 1) } } : {}),
          },
        ]),
      ),
      extensions: Object.fromEntries(numbers.map((number) => [number, { user: number }])),
    });
  const last = String(200 + MAX_DIVERSIONS);
  t.match(route('200', user('209'), {}, chain(MAX_DIVERSIONS)).step, { kind: 'ring', party: { number: last } });
  t.match(route('200', user('209'), {}, chain(MAX_DIVERSIONS + 1)).step, { status: 482, reason: 'too-many-forwards' });
});

t.test('a twin who does not want to be disturbed is quiet, and one who is followed is not', async (t) => {
  const rings = (jim: object, caller: string): string => {
    const users = { ...OFFICE.users, 210: { name: 'Jim', ...jim } };
    return describeStep(route('210', user(caller), {}, configurationOf({ ...OFFICE, users })).step);
  };
  t.equal(rings({ internalTwinning: '204' }, '201'), 'ring 210 [210-1] 20s');
  t.equal(rings({ internalTwinning: '204' }, '200'), 'ring 210 [210-1 204-1] 20s', 'an exception of the twin');
  t.equal(rings({ internalTwinning: '201' }, '200'), 'ring 210 [210-1 201-1] 20s');
  t.equal(rings({ followMe: '204' }, '201'), 'ring 210 [204-1] 20s');
  const configuration = configurationOf({
    ...OFFICE,
    users: { ...OFFICE.users, 210: { name: 'Jim', internalTwinning: '204' } },
  });
  const explained = texts(route('210', user('201'), {}, configuration));
  t.ok(explained.includes('do not disturb of user 204 is on'));
  t.notOk(explained.some((text) => /devices of user 204 ring too/.test(text)));
});

t.test('members of hunt groups', async (t) => {
  const group = { number: '300', noAnswerSeconds: 12, mayWait: false };
  const member = (number: string, present: Present = {}, more: Partial<typeof group> = {}, configuration = office) => {
    const request = { caller: user('200'), dialled: '300', configuration, at: WEDNESDAY_NOON, state: stateOf(present) };
    const { step } = routeToMember(request, { ...group, ...more }, number);
    return step.kind === 'skip' ? `skip: ${step.why}` : describeStep(step);
  };
  t.equal(member('201'), 'ring 201 [201-1] 12s', 'the time of the group, and no voicemail of his');
  t.equal(member('201', { devices: { 201: [1] } }), 'skip: he is in a call');
  t.equal(member('201', { devices: { 201: [1] } }, { mayWait: true }), 'ring 201 [201-1~] 12s');
  t.equal(member('202', { devices: { 202: [1] } }, { mayWait: true }), 'skip: he is in a call', 'no call waiting');
  t.equal(member('201', { devices: { 201: [] } }), 'skip: no device of his can be reached');
  t.equal(member('203'), 'ring 203 [203-1] 12s', 'forwards are for his own calls');
  t.equal(member('204', {}, {}), 'ring 204 [204-1] 12s', 'an exception of do not disturb');
  t.equal(member('215'), 'skip: do not disturb is on');
  t.equal(member('212'), 'skip: there is no such account in use');
  t.equal(member('206'), 'ring 206 [206-1] 12s', 'no mobile twinning');
  t.equal(member('205'), 'ring 205 [202-1] 12s', 'follow me');
  const forwarding = configurationOf({
    ...OFFICE,
    users: {
      ...OFFICE.users,
      203: {
        name: 'Carla',
        voicemail: { enabled: true },
        forwardUnconditional: { enabled: true, number: '201', huntGroupCalls: true },
      },
    },
  });
  t.equal(
    member('203', {}, {}, forwarding),
    'ring 201 [201-1] 25s <203 unconditional',
    'forwarded, and never to voicemail',
  );
});

import { setTimeout } from 'node:timers/promises';
import type { Test } from 'tap';
import type { Phone } from './phone/phone.ts';

/** A phone that takes registrations, by UDP at this address and port. */
export interface Carrier {
  readonly phone: Phone;
  readonly address: string;
  readonly port: number;
}

/** How a phone is made one. */
export const AS_CARRIER = { isRegistrar: true, user: '442071234567', domain: 'carrier.example' } as const;

/** Who plays in a scenario: three registered phones that take offers, and what surrounds them. */
export interface Cast {
  /** Of 201, 202 and 203. */
  readonly reception: Phone;
  readonly workshop: Phone;
  readonly warehouse: Phone;
  /** One more phone of 201, which calls and is not registered: each phone has one call. */
  another(): Promise<Phone>;
  /** Changes the configuration: paths and values by turns. */
  configure(...settings: readonly string[]): Promise<void>;
  /** Plays the carrier of line 1, and calls from outside. */
  readonly carrier: Carrier;
  /** What two phones need to hear each other, however slow the box is. */
  readonly hearingMs: number;
}

export interface Scenario {
  readonly title: string;
  readonly run: (t: Test, cast: Cast) => Promise<void>;
}

const LEFT = 'adbfc';
const RIGHT = 'fcebd';

async function talk({ hearingMs }: Cast, left: Phone, right: Phone): Promise<void> {
  await Promise.all([left.play(LEFT), right.play(RIGHT)]);
  await Promise.all([left.hears(RIGHT, hearingMs), right.hears(LEFT, hearingMs)]);
}

async function hangUp(t: Test, first: Phone, second: Phone): Promise<void> {
  const [status] = await Promise.all([first.bye(), second.ended()]);
  t.equal(status, 200, 'BYE');
}

/** `from` dials, `to` rings and answers. */
async function connect(t: Test, from: Phone, dialled: string, to: Phone): Promise<void> {
  await from.invite(dialled);
  await to.incomingCall();
  const [outcome] = await Promise.all([from.answered(), to.answer()]);
  t.equal(outcome.status, 200, `${dialled} answers`);
}

/** A code that is confirmed by a tone, after which the box hangs up. */
async function dialCode(t: Test, phone: Phone, code: string): Promise<void> {
  t.equal((await phone.call(code)).status, 200, code);
  await phone.ended();
}

const REGISTERED = /\nREGISTER (?:(?!\r\n\r\n)[\s\S])*\r\nExpires: [1-9]/g;
const UNREGISTERED = /\nREGISTER (?:(?!\r\n\r\n)[\s\S])*\r\nExpires: 0\r\n/g;

/** Line 1 to the carrier, with a registration that is new. */
async function openLine(cast: Cast): Promise<void> {
  const { address, port } = cast.carrier;
  const way = { domain: AS_CARRIER.domain, proxy: address, port, transport: 'udp' };
  const line = { ...way, userName: '4930555', incomingGroup: 7, enabled: true };
  await changeLine(cast, REGISTERED, 'lines.1', JSON.stringify(line));
}

/** Line 1 is off, and the box has taken its registration away: nothing of it comes into the next scenario. */
async function closeLine(cast: Cast): Promise<void> {
  await changeLine(cast, UNREGISTERED, 'lines.1.enabled', 'false');
}

/** Waits for the REGISTER that comes of it. */
async function changeLine(
  { carrier: { phone }, configure, hearingMs }: Cast,
  register: RegExp,
  ...settings: readonly string[]
): Promise<void> {
  const count = async (): Promise<number> => (await phone.transcript()).match(register)?.length ?? 0;
  const before = await count();
  await configure(...settings);
  const deadline = performance.now() + hearingMs;
  while ((await count()) <= before) {
    if (performance.now() > deadline) throw new Error(`no REGISTER from the box\n${await phone.transcript()}`);
    await setTimeout(50);
  }
}

/** What an office does with calls, the same on the host and on the booted image. Each leaves everything as it found it. */
export const CALL_SCENARIOS: readonly Scenario[] = [
  {
    title: 'a plain call: both hear each other, and the called one hangs up',
    run: async (t, cast) => {
      const { reception, workshop } = cast;
      await connect(t, reception, '202', workshop);
      await talk(cast, reception, workshop);
      await hangUp(t, workshop, reception);
    },
  },
  {
    title: 'a caller gives up: the device that rings is told',
    run: async (t, { reception, workshop }) => {
      await reception.invite('202');
      await workshop.incomingCall();
      t.equal(await reception.ringing(), 180);
      t.equal((await reception.cancel()).status, 487);
      await workshop.ended();
    },
  },
  {
    title: 'forward: all calls of a user go where he says by a code',
    run: async (t, cast) => {
      const { reception, workshop, warehouse } = cast;
      await dialCode(t, workshop, '*07*203#');
      await dialCode(t, workshop, '*01');
      await connect(t, reception, '202', warehouse);
      await hangUp(t, reception, warehouse);
      await dialCode(t, workshop, '*02');
    },
  },
  {
    title: 'short code of settings: do not disturb, and back',
    run: async (t, { reception, workshop }) => {
      await dialCode(t, workshop, '*08');
      t.equal((await reception.call('202')).status, 486);
      await dialCode(t, workshop, '*09');
    },
  },
  {
    title: 'hunt group: all members ring, one has the call',
    run: async (t, { reception, workshop, warehouse, configure }) => {
      const members = [{ user: '202' }, { user: '203' }];
      await configure(
        'huntGroups.300',
        JSON.stringify({ name: 'Sales', mode: 'collective', wrapUpSeconds: 0, members }),
      );
      await reception.invite('300');
      await Promise.all([workshop.incomingCall(), warehouse.incomingCall()]);
      const [outcome] = await Promise.all([reception.answered(), warehouse.answer()]);
      t.equal(outcome.status, 200);
      await workshop.ended();
      await hangUp(t, reception, warehouse);
    },
  },
  {
    title: 'pick-up: a third one takes the call that rings',
    run: async (t, cast) => {
      const { reception, workshop, warehouse } = cast;
      await reception.invite('202');
      await workshop.incomingCall();
      const [picked, outcome] = await Promise.all([warehouse.call('*30'), reception.answered(), workshop.ended()]);
      t.same([picked.status, outcome.status], [200, 200]);
      await talk(cast, reception, warehouse);
      await hangUp(t, reception, warehouse);
    },
  },
  {
    title: 'park: a call goes into a slot, and another one takes it out',
    run: async (t, cast) => {
      const { reception, workshop, warehouse } = cast;
      await connect(t, reception, '203', warehouse);
      t.equal(await warehouse.refer('<sip:*37*1%23@box>'), 202);
      await Promise.all([warehouse.notified(200), warehouse.ended()]);
      t.equal((await workshop.call('*38*1%23')).status, 200);
      await talk(cast, reception, workshop);
      await hangUp(t, workshop, reception);
    },
  },
  {
    title: 'blind transfer: the party and the target talk',
    run: async (t, cast) => {
      const { reception, workshop, warehouse } = cast;
      await connect(t, workshop, '201', reception);
      t.equal(await reception.refer('<sip:203@box>'), 202);
      await warehouse.incomingCall();
      await warehouse.answer();
      await Promise.all([reception.notified(200), reception.ended()]);
      await talk(cast, workshop, warehouse);
      await hangUp(t, workshop, warehouse);
    },
  },
  {
    title: 'attended transfer: both calls become one',
    run: async (t, cast) => {
      const { reception, workshop, warehouse } = cast;
      await connect(t, workshop, '201', reception);
      const consulting = await cast.another();
      await connect(t, consulting, '203', warehouse);
      const { callId, localTag, remoteTag } = await consulting.dialogNames();
      const replaces = encodeURIComponent(`${callId};to-tag=${remoteTag};from-tag=${localTag}`);
      t.equal(await reception.refer(`<sip:203@box?Replaces=${replaces}>`), 202);
      await Promise.all([reception.notified(200), reception.ended(), consulting.ended()]);
      await talk(cast, workshop, warehouse);
      await hangUp(t, warehouse, workshop);
    },
  },
  {
    title: 'conference: all that a user talks to hear each other',
    run: async (t, cast) => {
      const { reception, workshop, warehouse } = cast;
      await connect(t, reception, '202', workshop);
      const second = await cast.another();
      await connect(t, second, '203', warehouse);
      const third = await cast.another();
      t.equal((await third.call('*47')).status, 200);
      await Promise.all([reception.ended(), second.ended()]);
      await talk(cast, third, workshop);
      await talk(cast, third, warehouse);
      await third.bye();
      await warehouse.bye();
      await workshop.ended();
    },
  },
  {
    title: 'voicemail: nobody answers, and the mailbox does',
    run: async (t, { reception, workshop, configure, hearingMs }) => {
      await configure('users.202.voicemail.enabled', 'true', 'users.202.noAnswerSeconds', '6');
      await reception.invite('202');
      await workshop.incomingCall();
      const [outcome] = await Promise.all([reception.answered(hearingMs), workshop.ended(hearingMs)]);
      t.equal(outcome.status, 200, 'the mailbox answers');
      t.equal(await reception.bye(), 200);
      await configure('users.202.voicemail.enabled', 'false');
    },
  },
  {
    title: 'a line: a call comes in by its number, and another one goes out',
    run: async (t, cast) => {
      const { reception, warehouse, carrier, configure } = cast;
      await openLine(cast);
      const route = { lineGroup: 7, incomingNumber: '4930555203', destination: '203' };
      await configure('incomingRoutes.Warehouse', JSON.stringify(route));
      await carrier.phone.invite('4930555203');
      t.match(await warehouse.incomingCall(), { fromUri: /^sips?:442071234567@/ });
      const [incoming] = await Promise.all([carrier.phone.answered(), warehouse.answer()]);
      t.equal(incoming.status, 200);
      await talk(cast, carrier.phone, warehouse);
      await hangUp(t, carrier.phone, warehouse);
      await reception.invite('01632960123');
      t.match(await carrier.phone.incomingCall(), { requestUri: /^sip:01632960123@carrier\.example/ });
      const [outgoing] = await Promise.all([reception.answered(), carrier.phone.answer()]);
      t.equal(outgoing.status, 200);
      await talk(cast, reception, carrier.phone);
      await hangUp(t, reception, carrier.phone);
      await closeLine(cast);
    },
  },
  {
    title: 'emergency: who may call nobody outside reaches help, which sees where he is',
    run: async (t, cast) => {
      const { warehouse, carrier, configure } = cast;
      await openLine(cast);
      await configure('userRights.Guests', '{"outgoingCallBar":true}', 'users.203.userRights', 'Guests');
      await configure('locations.Shop', '{"callerNumber":"+442079460999"}', 'extensions.203.location', 'Shop');
      t.equal((await warehouse.call('01632960123')).status, 403, 'nobody else');
      await warehouse.invite('999');
      t.match(await carrier.phone.incomingCall(), { requestUri: /^sip:999@/, fromUri: /^sip:\+442079460999@/ });
      const [outcome] = await Promise.all([warehouse.answered(), carrier.phone.answer()]);
      t.equal(outcome.status, 200);
      t.match(await carrier.phone.transcript(), /\nINVITE sip:999@[\s\S]*\r\nPriority: emergency\r\n/);
      await talk(cast, warehouse, carrier.phone);
      await hangUp(t, carrier.phone, warehouse);
      await configure('userRights.Guests.outgoingCallBar', 'false');
      await closeLine(cast);
    },
  },
  {
    title: 'a number that could go on: 484',
    run: async (t, { reception }) => {
      t.equal((await reception.call('20')).status, 484, 'more digits could make an extension of it');
    },
  },
];

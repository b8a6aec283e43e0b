/** Whoever finds no place in a conference: those that are full, and the box. */
import t from 'tap';
import type { CallServer } from '../../../firmware/call/call-server.ts';
import { Conferences, MAX_MEMBERS_OF_ALL } from '../../../firmware/call/feature/conference.ts';
import { MAX_MEMBERS } from '../../../firmware/call/feature/conference-room.ts';
import type { FeatureStep } from '../../../firmware/call/routing/plan.ts';
import { MAX_SPEAKERS } from '../../../firmware/media/conference.ts';
import { FakeBox, FakeCaller, settle } from '../fakes.ts';
import { configurationOf } from '../routing/support/office.ts';

t.test('64 in one, 128 in all: the 65th and the 129th are busy, and nobody else notices', async (t) => {
  t.same([MAX_MEMBERS, MAX_MEMBERS_OF_ALL], [64, 128]);
  const box = new FakeBox();
  const configuration = configurationOf({ users: { 201: { name: 'A' }, 202: { name: 'B' }, 203: { name: 'C' } } });
  const calls = { services: box.services, runners: box.runners } as unknown as CallServer;
  const { clock } = box;
  new Conferences({ calls, configuration: () => configuration, clock, logger: box.services.logger }).register();
  const comeTo = async (owner: string): Promise<FakeCaller> => {
    const caller = new FakeCaller();
    const step: FeatureStep = {
      ...{ kind: 'feature', feature: 'conference-meet-me', argument: owner, user: '201', extension: '201' },
    };
    await box.call(caller, step);
    caller.acknowledges();
    await settle();
    return caller;
  };
  const inRoom = (index: number): number => box.media.conferences[index]?.parties.size ?? 0;
  const fill = async (owner: string): Promise<readonly FakeCaller[]> => {
    const callers: FakeCaller[] = [];
    for (let count = 0; count < MAX_MEMBERS; count += 1) callers.push(await comeTo(owner));
    return callers;
  };
  const first = await fill('201');
  t.equal(inRoom(0), MAX_MEMBERS);
  t.same((await comeTo('201')).told, ['486'], 'the 65th of one');
  const second = await fill('202');
  t.equal(inRoom(1), MAX_MEMBERS);
  t.same((await comeTo('203')).told, ['486'], 'the 129th of all');
  t.equal(box.media.conferences.length, 2);
  t.ok([...first, ...second].every(({ established, ended }) => established && !ended));
  first[0]?.hangsUp();
  await settle();
  t.same((await comeTo('203')).told, ['200'], 'there is a place again');
  t.same(box.lines, []);
});

t.test('who is up already, and finds no place, hears busy tone and is hung up on', async (t) => {
  const box = new FakeBox();
  const configuration = configurationOf({ users: { 201: { name: 'A' } } });
  const calls = { services: box.services, runners: box.runners } as unknown as CallServer;
  const { clock } = box;
  new Conferences({ calls, configuration: () => configuration, clock, logger: box.services.logger }).register();
  const step: FeatureStep = {
    ...{ kind: 'feature', feature: 'conference-meet-me', argument: '201', user: '201', extension: '201' },
  };
  box.media.conferenceLimit = 0;
  const caller = new FakeCaller();
  await box.call(caller, step);
  t.same(caller.told, ['200']);
  t.equal(box.media.sessions[0]?.hears, 'tone');
  clock.advance(8000);
  await settle();
  t.match(caller.told, ['200', /^BYE/]);
});

t.test('as many speak at a time as is configured when the conference begins, and as the media can mix', async (t) => {
  const users = { 201: { name: 'A' }, 202: { name: 'B' }, 203: { name: 'C' } };
  const withSpeakers = (conferenceSpeakers: number) =>
    configurationOf({ users, system: { telephony: { conferenceSpeakers } } });
  let configuration = configurationOf({ users });
  const box = new FakeBox();
  const calls = { services: box.services, runners: box.runners } as unknown as CallServer;
  const { clock } = box;
  new Conferences({ calls, configuration: () => configuration, clock, logger: box.services.logger }).register();
  for (const owner of ['201', '202', '203']) {
    const step: FeatureStep = {
      ...{ kind: 'feature', feature: 'conference-meet-me', argument: owner, user: '201', extension: '201' },
    };
    const caller = new FakeCaller();
    await box.call(caller, step);
    caller.acknowledges();
    await settle();
    configuration = withSpeakers(owner === '201' ? MAX_SPEAKERS : 1);
  }
  t.same(
    box.media.conferences.map(({ options }) => options.speakers),
    [3, MAX_SPEAKERS, 1],
  );
  for (const wrong of [0, MAX_SPEAKERS + 1, 2.5]) t.throws(() => withSpeakers(wrong), /conferenceSpeakers/, `${wrong}`);
});

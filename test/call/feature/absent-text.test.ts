import { sipOfficeTest } from './sip-office.ts';

const OFFICE = {
  users: { 201: { name: 'Anna' }, 202: { name: 'Ben', absentText: 'Back at two' }, 203: { name: 'Carla' } },
};
const FORWARDED = {
  users: {
    ...OFFICE.users,
    203: { name: 'Carla', forwardOnNoAnswer: { enabled: true, number: '202' }, noAnswerSeconds: 10 },
  },
};

sipOfficeTest('a caller here reads the absent text of who rings, and only of him', OFFICE, async (t, office) => {
  const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
  await anna.invite('203');
  await carla.incomingCall();
  t.equal(await anna.ringing(), 180);
  await anna.cancel();
  t.notMatch(await anna.transcript(), 'P-Asserted-Identity');
  await anna.invite('202');
  await ben.incomingCall();
  t.equal(await anna.ringing(), 180);
  await Promise.all([ben.answer(), anna.answered()]);
  const told = /180 Ringing(?:\r?\n[^\r\n]+)*\r?\nP-Asserted-Identity: "?Ben \(Back at two\)"? <sip:202@127.0.0.1>/;
  const transcript = await anna.transcript();
  t.match(transcript, told);
  const tag = /180 Ringing/g;
  t.equal(transcript.slice(transcript.lastIndexOf('INVITE sip:202')).match(tag)?.length, 1, 'in the first 180');
  await anna.bye();
});

sipOfficeTest('and where it rings at him after somebody else, in one more 180', FORWARDED, async (t, office) => {
  const [anna, ben, carla] = [await office.phone('201'), await office.phone('202'), await office.phone('203')];
  await anna.invite('203');
  await carla.incomingCall();
  t.equal(await anna.ringing(), 180);
  office.clock.advance(10_000);
  await ben.incomingCall();
  await Promise.all([ben.answer(), anna.answered()]);
  const transcript = await anna.transcript();
  t.equal(transcript.match(/180 Ringing/g)?.length, 2);
  t.equal(transcript.match(/180 Ringing(?:\r?\n[^\r\n]+)*\r?\nP-Asserted-Identity: "?Ben \(Back at two\)/g)?.length, 1);
  await anna.bye();
});

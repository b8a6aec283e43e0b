import t from 'tap';
import { type Binding, LocationService } from '../../firmware/registrar/location.ts';
import { FakeClock } from '../support/fake-clock.ts';

const FLOW = {
  protocol: 'udp',
  localAddress: '192.0.2.1',
  localPort: 5060,
  remoteAddress: '192.0.2.50',
  remotePort: 5062,
} as const;

function setUp(stored: readonly { aor: string; seconds: number }[] = []) {
  const clock = new FakeClock();
  const saved: [string, number][] = [];
  const binding = (seconds: number): Binding => ({
    contact: `sip:${seconds}@192.0.2.50`,
    callId: 'a',
    cSeq: 1,
    expiresAtMs: clock.now() + seconds * 1000,
    flow: FLOW,
  });
  const repository = {
    load: () => stored.map(({ aor, seconds }) => ({ aor, binding: binding(seconds) })),
    save: (aor: string, bindings: readonly Binding[]) => void saved.push([aor, bindings.length]),
  };
  return { clock, saved, binding, location: new LocationService(repository, clock) };
}

t.test('what was stored is there after a restart, save for what has expired', async (t) => {
  const { location } = setUp([
    { aor: '201', seconds: 60 },
    { aor: '201', seconds: 120 },
    { aor: '202', seconds: -1 },
  ]);
  t.same(
    [...location.entries()].map(([aor, bindings]) => [aor, bindings.length]),
    [['201', 2]],
  );
  location.close();
});

t.test('a binding is gone at the very moment that it expires, and is swept from the store', async (t) => {
  const { location, clock, binding, saved } = setUp();
  location.replace('201', [binding(60), binding(90)]);
  t.equal(location.lookup('201').length, 2);
  clock.advance(59_999);
  t.equal(location.lookup('201').length, 2);
  clock.advance(1);
  t.equal(location.lookup('201').length, 1);
  clock.advance(40_000);
  t.equal(location.lookup('201').length, 0);
  t.same(saved.at(-1), ['201', 0]);
  location.close();
  t.equal(clock.pending, 0);
});

t.test('when the time of day is set, bindings last as long as they were told', async (t) => {
  for (const years of [50, -50]) {
    const { location, clock, binding, saved } = setUp();
    location.replace('201', [binding(60), binding(90)]);
    clock.jump(years * 365 * 86_400_000);
    t.equal(location.lookup('201').length, 2, `${years} years`);
    t.same(saved.at(-1), ['201', 2]);
    t.match(
      location.lookup('201').map(({ expiresAtMs }) => expiresAtMs - clock.now()),
      [60_000, 90_000],
    );
    clock.advance(60_000);
    t.equal(location.lookup('201').length, 1);
    clock.advance(40_000);
    t.same(saved.at(-1), ['201', 0]);
    location.close();
  }
});

t.test('what was stored before the start expires by the time of day', async (t) => {
  const { location, clock, binding } = setUp([{ aor: '201', seconds: 3600 }]);
  location.replace('202', [binding(3600)]);
  clock.jump(2 * 3_600_000);
  t.same(
    [...location.entries()].map(([aor]) => aor),
    ['202'],
  );
  location.close();
});

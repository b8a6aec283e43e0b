import { alone, call, type Rule, sippTests } from './sipp-bench.ts';

/** RFC 4028 §5 allows no less than 90 s, of which the last third is for the BYE. */
const vanished = call(
  'a session is refreshed, and ends when the other side has vanished',
  'call/vanishes',
  'call/is-refreshed',
  {
    timeoutMs: 80_000,
  },
);

/** RFC 3261 §17.1.2.2 gives up a NOTIFY after 32 s. */
const lost = alone('a NOTIFY that is not answered is sent anew, and the subscription lives', 'subscribe/lost-notify', {
  timeoutMs: 70_000,
  role: 'third',
});

/** Both wait for a minute, and so do it at once. */
const both: Rule = {
  title: `${vanished.title}; ${lost.title}`,
  run: async (bench, way) => (await Promise.all([vanished.run(bench, way), lost.run(bench, way)])).flat(),
};

sippTests([both]);

import { call, sippTests } from './sipp-bench.ts';

// RFC 4028 §5 allows no less than 90 s, of which the last third is for the BYE.
sippTests([
  call('a session is refreshed, and ends when the other side has vanished', 'call/vanishes', 'call/is-refreshed', {
    timeoutMs: 80_000,
  }),
]);

import { alone, extensionOf, sippTests, WAYS } from './sipp-bench.ts';

/** Nonces are good for this long, so that one can be seen to get old. */
const CHALLENGE_EXPIRY_SECONDS = 2;

sippTests(
  [
    alone('a user whose account is not enabled is told so', 'register/forbidden', { role: 'caller' }),
    alone('an extension for another class of device refuses this one', 'register/forbidden', { role: 'callee' }),
    alone('a nonce that is too old is stale', 'register/stale', { role: 'third' }),
    alone('a subscription outlives its nonce', 'subscribe/stale', { role: 'third' }),
  ],
  [
    ...['system.sip.challengeExpirySeconds', String(CHALLENGE_EXPIRY_SECONDS)],
    ...WAYS.flatMap((way) => [
      ...[`users.${extensionOf(way, 'caller')}.enabled`, 'off'],
      ...[`extensions.${extensionOf(way, 'callee')}.class`, 'mobile'],
    ]),
  ],
);

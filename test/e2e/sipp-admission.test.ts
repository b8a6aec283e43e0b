import { alone, extensionOf, sippTests, WAYS } from './sipp-bench.ts';

/** Nonces are good for this long, so that one can be seen to get old. */
const CHALLENGE_EXPIRY_SECONDS = 2;

sippTests(
  [
    alone('a user whose account is not enabled is told so', 'register/forbidden', { role: 'caller' }),
    alone('an extension for another class of device refuses this one', 'register/forbidden', { role: 'callee' }),
    alone('an extension that other addresses may use answers as one that does not exist', 'register/wrong-password', {
      role: 'fourth',
    }),
    alone('a nonce that is too old is stale', 'register/stale', { role: 'third' }),
    alone('a subscription outlives its nonce', 'subscribe/stale', { role: 'third' }),
  ],
  [
    ...['system.sip.challengeExpirySeconds', String(CHALLENGE_EXPIRY_SECONDS)],
    ...WAYS.flatMap((way) => [
      ...[`users.${extensionOf(way, 'caller')}.enabled`, 'off'],
      ...[`extensions.${extensionOf(way, 'callee')}.class`, 'mobile'],
      ...[`extensions.${extensionOf(way, 'third')}.addressRestriction`, '127.0.0.0/8,::1/128'],
      ...[`extensions.${extensionOf(way, 'fourth')}.addressRestriction`, '192.0.2.0/24,2001:db8::/32'],
    ]),
  ],
);

import { createHmac, randomBytes } from 'node:crypto';
import type { SipRequest } from './request.ts';
import { MAGIC_COOKIE } from './via.ts';

const POOL_BYTES = 3072;
const perProcessKey = randomBytes(32);
let pool = Buffer.alloc(0);
let used = 0;

/** `size` random bytes as base64url; drawn from a pool, since asking the system each time costs microseconds. */
function randomText(size: number): string {
  if (used + size > pool.length) {
    pool = randomBytes(POOL_BYTES);
    used = 0;
  }
  used += size;
  return pool.toString('base64url', used - size, used);
}

/** RFC 3261 §19.3: at least 32 bits of randomness; this has 72. */
export function newTag(): string {
  return randomText(9);
}

export function newBranch(): string {
  return MAGIC_COOKIE + randomText(12);
}

export function newCallId(): string {
  return randomText(18);
}

/** RFC 3261 §8.2.7: a stateless answer has the same To tag for each retransmission of its request. */
export function statelessTag(request: SipRequest): string {
  const { headers } = request;
  const text = ['Via', 'Call-ID', 'CSeq', 'From'].map((name) => headers.get(name)).join('\n');
  return createHmac('sha256', perProcessKey).update(text).digest('base64url').slice(0, 12);
}

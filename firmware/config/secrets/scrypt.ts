import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** scrypt parameters (RFC 7914 §2), about a second on the box's processor under emulation. */
const COST = { N: 16384, r: 8, p: 1 } as const;
const KEY_BYTES = 32;
const SALT_BYTES = 16;
/** 128 * N * r bytes (RFC 7914 §2) for the cost above, four times over: what is read may have been made stronger. */
const MAX_MEMORY_BYTES = 64 * 1024 * 1024;

/** A password of a person, as `scrypt$N$r$p$salt$key` in base64: slow to try, and different for equal passwords. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const key = await derive(password, salt, COST);
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64'), key.toString('base64')].join('$');
}

export interface HashedPassword {
  readonly cost: ScryptOptions;
  readonly salt: Buffer;
  readonly key: Buffer;
}

/** Undefined for what hashPassword did not make. */
export function readHashedPassword(text: string): HashedPassword | undefined {
  const match = /^scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9+/=]{1,64})\$([A-Za-z0-9+/=]{44})$/.exec(text);
  const [, N, r, p, salt, key] = match ?? [];
  if (salt === undefined || key === undefined) return undefined;
  return {
    cost: { N: Number(N), r: Number(r), p: Number(p) },
    salt: Buffer.from(salt, 'base64'),
    key: Buffer.from(key, 'base64'),
  };
}

/** In a time that does not depend on where the two differ. */
export async function isPassword(password: string, { cost, salt, key }: HashedPassword): Promise<boolean> {
  return timingSafeEqual(await derive(password, salt, cost), key);
}

function derive(password: string, salt: Buffer, cost: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // The same character may be typed as one code point or as two (RFC 8265 §4.2).
    scrypt(password.normalize('NFC'), salt, KEY_BYTES, { ...cost, maxmem: MAX_MEMORY_BYTES }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

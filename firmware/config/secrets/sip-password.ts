import { createHash } from 'node:crypto';

/** What digest authentication needs of a password: lower-case hex, one for each algorithm (RFC 8760). */
export interface DigestSecrets {
  readonly ha1Md5: string;
  readonly ha1Sha256: string;
}

/** HA1 for both algorithms (RFC 7616 §3.4.2, RFC 8760 §2.6): H(username ":" realm ":" password). */
export function digestSecrets(username: string, realm: string, password: string): DigestSecrets {
  const secret = `${username}:${realm}:${password}`;
  return {
    ha1Md5: createHash('md5').update(secret, 'utf8').digest('hex'),
    ha1Sha256: createHash('sha256').update(secret, 'utf8').digest('hex'),
  };
}

/** As the configuration keeps it: `ha1$MD5$SHA-256`. */
export function encodeDigestSecrets({ ha1Md5, ha1Sha256 }: DigestSecrets): string {
  return `ha1$${ha1Md5}$${ha1Sha256}`;
}

/** Undefined for what encodeDigestSecrets did not make. */
export function decodeDigestSecrets(text: string): DigestSecrets | undefined {
  const match = /^ha1\$([0-9a-f]{32})\$([0-9a-f]{64})$/.exec(text);
  const [, ha1Md5, ha1Sha256] = match ?? [];
  return ha1Md5 === undefined || ha1Sha256 === undefined ? undefined : { ha1Md5, ha1Sha256 };
}

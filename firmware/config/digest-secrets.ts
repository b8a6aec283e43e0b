import { createHash } from 'node:crypto';
import type { DigestSecrets } from './extension.ts';

/** HA1 for both algorithms (RFC 7616 §3.4.2, RFC 8760 §2.6): H(username ":" realm ":" password). */
export function digestSecrets(username: string, realm: string, password: string): DigestSecrets {
  const secret = `${username}:${realm}:${password}`;
  return {
    ha1Md5: createHash('md5').update(secret, 'utf8').digest('hex'),
    ha1Sha256: createHash('sha256').update(secret, 'utf8').digest('hex'),
  };
}

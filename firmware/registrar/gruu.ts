import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto';
import { formatSipUri, hasParam, paramValue, type SipUri } from '../sip/stack.ts';
import type { Binding } from './binding.ts';

/*
 * GRUUs (RFC 5627): URIs that lead to one instance of an extension and no other. The public one is the address of record
 * with the instance in `gr`. A temporary one hides who is behind it: its user part is extension, instance and Call-ID,
 * encrypted, so that nothing has to be kept for it.
 */

const PREFIX = 'tgruu.';
const NONCE_BYTES = 12;
const TAG_BYTES = 12;
/** What a request may make us decrypt: more than any that we made. */
const MAX_TOKEN_LENGTH = 512;

/** One instance of an extension. */
export interface InstanceTarget {
  readonly aor: string;
  /** Whether a binding of the extension is of that instance. */
  readonly isMeant: (binding: Binding) => boolean;
}

/** The public GRUU of an instance of `aor`, which is the address of record as the device named it. */
export function publicGruu(aor: SipUri, instance: string): string {
  const gr = escapeValue(instance.slice(1, -1));
  return formatSipUri({ ...aor, password: undefined, port: undefined, headers: undefined, params: [['gr', gr]] });
}

export class Gruus {
  readonly #key: Buffer;

  /** `key`: 32 bytes that last as long as the bindings do. */
  constructor(key: Buffer) {
    this.#key = key;
  }

  /** A new temporary GRUU at each call; good until the device registers under another Call-ID (RFC 5627 §5.3). */
  temporary(aor: SipUri, binding: Binding): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: TAG_BYTES });
    const text = `${aor.user ?? ''}\n${binding.instance ?? ''}\n${callIdMark(binding)}`;
    const bytes = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    const user = PREFIX + bytes.toString('base64url');
    return formatSipUri({
      scheme: aor.scheme,
      user,
      password: undefined,
      host: aor.host,
      port: undefined,
      params: [['gr', undefined]],
      headers: undefined,
    });
  }

  /** The instance that a URI leads to; undefined where it is no GRUU, or none of ours. */
  find(uri: SipUri): InstanceTarget | undefined {
    if (uri.user === undefined || !hasParam(uri.params, 'gr')) return undefined;
    const gr = paramValue(uri.params, 'gr');
    if (gr !== undefined) {
      const instance = `<${unescapeValue(gr)}>`;
      return { aor: uri.user, isMeant: (binding) => binding.instance === instance };
    }
    const [aor, instance, mark] = this.#open(uri.user)?.split('\n') ?? [];
    if (aor === undefined || mark === undefined) return undefined;
    return { aor, isMeant: (binding) => binding.instance === instance && callIdMark(binding) === mark };
  }

  #open(user: string): string | undefined {
    if (!user.startsWith(PREFIX) || user.length > MAX_TOKEN_LENGTH) return undefined;
    const bytes = Buffer.from(user.slice(PREFIX.length), 'base64url');
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
      return Buffer.concat([text, decipher.final()]).toString('utf8');
    } catch {
      // Not made with our key: somebody guesses, or the bindings are new.
      return undefined;
    }
  }
}

function callIdMark({ callId }: Binding): string {
  return hash('sha256', callId).slice(0, 16);
}

/** RFC 3261 §25.1: what may stand in the value of a URI parameter. */
function escapeValue(text: string): string {
  return text.replace(/[^A-Za-z0-9\-_.!~*'()[\]/:&+$]/gu, (char) => encodeURIComponent(char.toWellFormed()));
}

function unescapeValue(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

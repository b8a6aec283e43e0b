import { randomBytes } from 'node:crypto';
import type { PhoneOptions } from './phone.ts';
import type { LocalAudio, RemoteAudio } from './phone-sdp.ts';
import type { MediaTarget } from './rtp-stream.ts';

type Keys = Pick<LocalAudio, 'isSecret' | 'crypto'>;

/** Master key and salt of the suite that the phone knows. */
const MASTER_BYTES = 30;

function makeKey(): string {
  return randomBytes(MASTER_BYTES).toString('base64');
}

/** The keys of one call (RFC 4568): its own, and whether SRTP is what both sides want. */
export class PhoneKeys {
  readonly #srtp: PhoneOptions['srtp'];
  #own = makeKey();

  constructor(srtp: PhoneOptions['srtp']) {
    this.#srtp = srtp;
  }

  /** Has another one in the next description. */
  renew(): void {
    this.#own = makeKey();
  }

  /** A key over RTP/AVP is an offer of SRTP that the other side may leave out. */
  offer(): Keys {
    if (this.#srtp === undefined) return {};
    return { isSecret: this.#srtp === 'required', crypto: { tag: 1, key: this.#own } };
  }

  /** Whether that description is one which the phone can live with. */
  agree({ isSecret, crypto }: RemoteAudio): boolean {
    if (this.#srtp === 'required') return crypto !== undefined;
    return !isSecret || (this.#srtp === 'offered' && crypto !== undefined);
  }

  answer({ isSecret, crypto }: RemoteAudio): Keys {
    if (this.#srtp === undefined || crypto === undefined) return {};
    return { isSecret, crypto: { tag: crypto.tag, key: this.#own } };
  }

  agreed({ crypto }: RemoteAudio): Pick<MediaTarget, 'srtp'> {
    if (this.#srtp === undefined || crypto === undefined) return {};
    return { srtp: { sent: this.#own, received: crypto.key } };
  }
}

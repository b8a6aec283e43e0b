import { randomBytes } from 'node:crypto';
import { type AuthenticatedOutcome, sendAuthenticated } from './authenticated-request.ts';
import { type ClientRequests, newTag } from './client-requests.ts';
import type { Registration } from './phone.ts';
import type { PhoneIdentity } from './phone-identity.ts';
import { registerRequest } from './phone-requests.ts';
import { headerValues } from './sip-message.ts';

const TIMEOUT_MS = 15_000;
/** Between two REGISTERs to a box that may not be up yet: what a measured time may be too long. */
const PROBE_MS = 200;

/** The REGISTERs of a phone: one Call-ID, and a CSeq that grows (RFC 3261 §10.2). */
export class PhoneRegistration {
  readonly #requests: ClientRequests;
  readonly #identity: PhoneIdentity;
  readonly #callId = randomBytes(8).toString('hex');
  readonly #tag = newTag();
  #cseq = 0;

  constructor(requests: ClientRequests, identity: PhoneIdentity) {
    this.#requests = requests;
    this.#identity = identity;
  }

  async register(password = this.#identity.credentials.password, expiresSeconds = 300): Promise<Registration> {
    const { final, statuses, challenged } = await this.#send(password, expiresSeconds, () => TIMEOUT_MS);
    const contacts = headerValues(final, 'contact').flatMap((value) => value.split(/,\s*(?=<|sips?:)/));
    return { status: final.status ?? 0, statuses, challenged, contacts };
  }

  /** Asks until there is an answer; the final status. Rejects after `timeoutMs`. */
  async whenReachable(timeoutMs: number): Promise<number> {
    const { password } = this.#identity.credentials;
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      try {
        // Once it has asked for credentials it is there, however slowly it checks them.
        const { final } = await this.#send(password, 300, (attempt) => (attempt === 1 ? PROBE_MS : TIMEOUT_MS));
        return final.status ?? 0;
      } catch (cause) {
        if (performance.now() > deadline) throw new Error(`no answer to REGISTER within ${timeoutMs} ms`, { cause });
      }
    }
  }

  #send(
    password: string,
    expiresSeconds: number,
    timeoutMs: (attempt: number) => number,
  ): Promise<AuthenticatedOutcome> {
    const { server, credentials } = this.#identity;
    return sendAuthenticated(this.#requests, {
      build: (fields) => {
        this.#cseq += 1;
        const [callId, tag, cseq] = [this.#callId, this.#tag, this.#cseq];
        const { domain, aor, contactUri, userAgent, moreMethods } = this.#identity;
        const who = { domain, aor, contactUri, userAgent, moreMethods };
        return registerRequest({ ...who, callId, tag, cseq, expiresSeconds }, fields);
      },
      destination: server,
      credentials: { ...credentials, password },
      timeoutMs,
    });
  }
}

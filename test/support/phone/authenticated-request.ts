import type { ClientRequests, Destination, SentRequest } from './client-requests.ts';
import { authorization, chooseChallenge, type DigestAlgorithm, parseChallenge } from './digest.ts';
import type { HeaderField } from './server-requests.ts';
import { headerValues, type SipMessage } from './sip-message.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** Best first. */
  readonly algorithms: readonly DigestAlgorithm[];
}

export interface AuthenticatedOutcome {
  readonly final: SipMessage;
  /** Every final status, the challenge's too. */
  readonly statuses: readonly number[];
  /** The algorithms that were offered. */
  readonly challenged: readonly string[];
}

export interface AuthenticatedParts {
  readonly build: (credentials: readonly HeaderField[]) => SipMessage;
  readonly destination: Destination;
  readonly credentials: Credentials;
  /** For the final response of the first and of the second attempt. */
  readonly timeoutMs: (attempt: number) => number;
  readonly onSent?: (sent: SentRequest) => void;
}

/** Sends what `build` makes, and once more with credentials where it is challenged. A failed INVITE is acknowledged. */
export async function sendAuthenticated(
  requests: ClientRequests,
  { build, destination, credentials, timeoutMs, onSent }: AuthenticatedParts,
): Promise<AuthenticatedOutcome> {
  const statuses: number[] = [];
  let challenged: readonly string[] = [];
  let fields: readonly HeaderField[] = [];
  for (let attempt = 1; ; attempt += 1) {
    const message = build(fields);
    const { method = '', uri = '' } = message;
    const sent = requests.send(message, destination);
    onSent?.(sent);
    const final = await requests.final(sent, timeoutMs(attempt));
    const { status = 0 } = final;
    statuses.push(status);
    if (method === 'INVITE' && status >= 300) requests.acknowledgeFailure(sent, final);
    if ((status !== 401 && status !== 407) || attempt > 1) return { final, statuses, challenged };
    const [question, answer] =
      status === 401 ? ['WWW-Authenticate', 'Authorization'] : ['Proxy-Authenticate', 'Proxy-Authorization'];
    const challenges = headerValues(final, question ?? '').flatMap((value) => parseChallenge(value) ?? []);
    challenged = challenges.map(({ algorithm }) => algorithm);
    const challenge = chooseChallenge(challenges, credentials.algorithms);
    if (challenge === undefined) return { final, statuses, challenged };
    const { username, password } = credentials;
    fields = [[answer ?? '', authorization(challenge, { username, password, method, uri })]];
  }
}

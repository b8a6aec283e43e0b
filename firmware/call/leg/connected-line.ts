import type { HeaderField, RenegotiationResult } from '../../sip/stack.ts';
import { assertedIdentity } from '../step/device-way.ts';
import type { LegParty } from './leg-party.ts';

/** Those that say who somebody is: which of them a line has is its own. */
const HEADERS: ReadonlySet<string> = new Set(['P-Asserted-Identity', 'P-Preferred-Identity', 'Remote-Party-ID']);

/** Who somebody is, as another party is shown it (RFC 3325 §9.1): nobody's number where he wants none shown. */
export function connectedLine({ number, name, isPrivate }: LegParty, host: string): HeaderField {
  if (isPrivate === true || number === '') {
    return assertedIdentity({ displayName: 'Anonymous', uri: 'sip:anonymous@anonymous.invalid' });
  }
  return assertedIdentity({ displayName: name, uri: `sip:${number}@${host}` });
}

/** Whom a party has been told that it talks to. Another one is told by UPDATE (RFC 3311), which a phone shows at once. */
export class ConnectedLine {
  #told: string | undefined;

  /** It went out with something else, as the answer does. */
  note(headers: readonly HeaderField[]): void {
    this.#told = identityIn(headers) ?? this.#told;
  }

  /** Sends what is new; a peer that takes no UPDATE shows what it did. */
  tell(
    headers: readonly HeaderField[],
    update: ((sdp: undefined, headers: readonly HeaderField[]) => Promise<RenegotiationResult>) | undefined,
  ): void {
    const identity = identityIn(headers);
    if (identity === undefined || identity === this.#told) return;
    this.#told = identity;
    const refused = (): void => {
      if (this.#told === identity) this.#told = undefined;
    };
    // 491: it never went out, as a request of ours was under way. The next time tells it, whoever it is then.
    void update?.(undefined, headers).then(({ status }) => status === 491 && refused(), refused);
  }
}

function identityIn(headers: readonly HeaderField[]): string | undefined {
  return headers.find(([name]) => HEADERS.has(name))?.[1];
}

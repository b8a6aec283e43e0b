import { Changes } from './changes.ts';
import type { ClientRequests, Destination } from './client-requests.ts';
import type { PhoneOptions } from './phone.ts';
import type { PhoneCall } from './phone-call.ts';
import type { PhoneFaults } from './phone-faults.ts';
import type { PhoneIdentity } from './phone-identity.ts';
import type { PhoneRegistration } from './phone-registration.ts';
import { ServerRequests } from './server-requests.ts';
import { type SipMessage, uriOf } from './sip-message.ts';
import type { SipSocket } from './sip-socket.ts';

export const REQUEST_TIMEOUT_MS = 15_000;
export const CALL_TIMEOUT_MS = 30_000;
const MAX_TRANSCRIPT = 500;

/** What a phone has as long as it is open. */
export interface Line {
  readonly socket: SipSocket;
  readonly requests: ClientRequests;
  readonly identity: PhoneIdentity;
  readonly registration: PhoneRegistration;
}

/** What all parts of a TestPhone share: its options, line, call and transcript. */
export class PhoneState {
  readonly options: PhoneOptions;
  readonly changes = new Changes();
  readonly transcript: string[] = [];
  readonly responses: ServerRequests;
  /** What it does wrong from now on, or at a bad moment. */
  faults: PhoneFaults = {};
  line: Line | undefined;
  call: PhoneCall | undefined;

  constructor(options: PhoneOptions) {
    this.options = options;
    this.responses = new ServerRequests((direction, text) => this.log(direction, text));
  }

  /** The phone's own SIP URI, with address and port. */
  get contactUri(): string {
    return this.open().identity.contactUri;
  }

  get allow(): SipMessage['headers'] {
    return this.options.takesUpdate === true ? [['Allow', 'UPDATE']] : [];
  }

  end(call: PhoneCall): void {
    call.state = 'ended';
    call.stream.close();
    this.changes.notify();
  }

  nextHop(call: PhoneCall): Destination {
    return this.open().identity.destinationOf(uriOf(call.routeSet[0] ?? call.remoteTarget));
  }

  current(): PhoneCall {
    if (this.call === undefined) throw new Error(`${this.options.user} has no call`);
    return this.call;
  }

  client(): ClientRequests {
    return this.open().requests;
  }

  open(): Line {
    if (this.line === undefined) throw new Error('the phone is closed');
    return this.line;
  }

  until<T>(probe: () => T | undefined, timeoutMs: number, what: string): Promise<T> {
    return this.changes.until(probe, timeoutMs, `${this.options.user}: waiting for ${what}`, () =>
      this.transcript.slice(-8).join('\n'),
    );
  }

  log(direction: string, text: string): void {
    this.transcript.push(`[${this.options.user} ${new Date().toISOString()} ${direction}]\n${text}`);
    if (this.transcript.length > MAX_TRANSCRIPT) this.transcript.shift();
  }
}

import { newTag } from './client-requests.ts';
import type { ResponseParts, ServerRequests } from './server-requests.ts';
import { headerValue, parameterOf, type SipMessage } from './sip-message.ts';
import type { Reply } from './sip-socket.ts';

/** A second 200 to an INVITE, with a tag of its own: that of another phone behind a proxy that forks (RFC 3261 §13.2.2.4). */
export class ForkedAnswer {
  readonly #tag = newTag();
  readonly #responses: ServerRequests;
  #acknowledged = false;
  #ended = false;

  constructor(responses: ServerRequests, request: SipMessage, reply: Reply, parts: ResponseParts) {
    this.#responses = responses;
    responses.respond(request, reply, { ...parts, tag: this.#tag });
  }

  /** It was acknowledged, and ended by BYE. */
  get isOver(): boolean {
    return this.#acknowledged && this.#ended;
  }

  /** Takes ACK and BYE of its dialog; false for what belongs to another. */
  receive(request: SipMessage, reply: Reply): boolean {
    if (parameterOf(headerValue(request, 'to'), 'tag') !== this.#tag) return false;
    if (request.method === 'ACK') this.#acknowledged = true;
    if (request.method === 'BYE') {
      this.#ended = true;
      this.#responses.respond(request, reply, { status: 200, reason: 'OK' });
    }
    return true;
  }
}

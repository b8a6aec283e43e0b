import { sendAuthenticated } from './authenticated-request.ts';
import type { InviteOptions, OfferChanges, OfferOutcome } from './phone.ts';
import type { PhoneCall } from './phone-call.ts';
import type { PhoneMedia } from './phone-media.ts';
import { dialogRequest, inviteRequest, routesOf } from './phone-requests.ts';
import { type MediaDirection, readSdp, staticCodecs, writeSdp } from './phone-sdp.ts';
import { CALL_TIMEOUT_MS, type PhoneState, REQUEST_TIMEOUT_MS } from './phone-state.ts';
import { headerValue, type SipMessage, uriOf } from './sip-message.ts';

/** The INVITEs that a phone sends: to begin a call, and to offer again in one. */
export class OutgoingInvites {
  readonly #state: PhoneState;
  readonly #media: PhoneMedia;

  constructor(state: PhoneState, media: PhoneMedia) {
    this.#state = state;
    this.#media = media;
  }

  async run(
    call: PhoneCall,
    uri: string,
    sdp: string,
    headers: NonNullable<InviteOptions['headers']> = [],
  ): Promise<void> {
    const began = performance.now();
    const { requests, identity } = this.#state.open();
    const { final } = await sendAuthenticated(requests, {
      build: (credentials) => {
        call.cseq += 1;
        return inviteRequest(call, uri, identity.contactUri, sdp, [...credentials, ...headers, ...this.#state.allow]);
      },
      destination: identity.destinationOf(uri),
      credentials: identity.credentials,
      timeoutMs: () => 4 * CALL_TIMEOUT_MS,
      onSent: (sent) => {
        call.sentInvite = sent;
        this.#state.changes.notify();
      },
    });
    const { status = 0, reason = '' } = final;
    const tookMs = Math.round(performance.now() - began);
    if (status >= 300) {
      call.outcome = { status, reason, statuses: call.statuses, tookMs };
      this.#state.end(call);
      return;
    }
    call.remoteHeader = headerValue(final, 'to');
    call.remoteTarget = uriOf(headerValue(final, 'contact'));
    call.routeSet = routesOf(final).reverse();
    const ack = dialogRequest(call, 'ACK', call.cseq);
    call.ack = ack;
    if (this.#state.faults.holdsAck !== true) this.#state.client().send(ack, this.#state.nextHop(call));
    call.state = 'established';
    const { codec, annexB } = await this.#media.takeAnswer(call, final.body);
    const base = { status, reason, statuses: call.statuses, tookMs, codec };
    call.outcome = annexB === undefined ? base : { ...base, annexB };
    this.#state.changes.notify();
  }

  async #hearEarly(call: PhoneCall, body: string): Promise<void> {
    await this.#media
      .takeAnswer(call, body)
      .catch((error: unknown) => this.#state.log('no use of early media', String(error)));
  }

  receive(response: SipMessage, status: number): void {
    const sent = this.#state.client().take(response);
    const call = this.#state.call;
    if (sent === undefined || call?.sentInvite !== sent) return;
    call.statuses.push(status);
    if (status === 183 && call.state === 'calling' && response.body !== '') void this.#hearEarly(call, response.body);
    const again = sent.responses.filter((earlier) => earlier.status === status).length > 1;
    if (!again || status < 200) return;
    // A repeated final response asks for its ACK again.
    if (status < 300 && call.ack !== undefined) {
      if (this.#state.faults.holdsAck !== true) this.#state.client().send(call.ack, this.#state.nextHop(call));
    } else if (status >= 300) this.#state.client().acknowledgeFailure(sent, response);
  }

  async offerAgain(direction: MediaDirection, { codecs, rekeys = false }: OfferChanges = {}): Promise<OfferOutcome> {
    const call = this.#state.current();
    if (call.state !== 'established' || call.agreed === undefined) throw new Error('there is no call to change');
    call.version += 1;
    if (rekeys) this.#media.keys.renew();
    const offered = codecs === undefined ? [call.agreed.codec] : staticCodecs(codecs);
    const audio = this.#media.localAudio(call, offered, call.agreed.telephoneEvent);
    const request = dialogRequest(call, 'INVITE');
    const headers: SipMessage['headers'] = [
      ...request.headers,
      ['Contact', `<${this.#state.contactUri}>`],
      ['Content-Type', 'application/sdp'],
    ];
    const body = writeSdp({ ...audio, ...this.#media.keys.offer(), direction });
    const { cseq } = call;
    const sent = this.#state.client().send({ ...request, headers, body }, this.#state.nextHop(call));
    const final = await this.#state.client().final(sent, REQUEST_TIMEOUT_MS);
    const { status = 0 } = final;
    if (status >= 300) {
      this.#state.client().acknowledgeFailure(sent, final);
    } else {
      this.#state.client().send(dialogRequest(call, 'ACK', cseq), this.#state.nextHop(call));
      const remote = readSdp(final.body);
      const chosen = offered.find(({ codec }) => codec === remote.codecs[0]?.codec);
      if (chosen === undefined) throw new Error(`the answer has no codec that was offered:\n${final.body}`);
      await this.#media.start(call, remote, chosen.codec, [chosen], call.agreed.telephoneEvent);
    }
    return { status, target: call.agreed.target, codec: call.agreed.codec.codec };
  }
}

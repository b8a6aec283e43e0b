import { newTag } from './client-requests.ts';
import { authorization } from './digest.ts';
import { ForkedAnswer } from './forked-answer.ts';
import type { PhoneCall } from './phone-call.ts';
import type { PhoneMedia } from './phone-media.ts';
import { routesOf } from './phone-requests.ts';
import { type MediaDirection, type RemoteAudio, readSdp, writeSdp } from './phone-sdp.ts';
import type { PhoneState } from './phone-state.ts';
import { headerValue, type SipMessage, uriOf } from './sip-message.ts';
import type { Reply } from './sip-socket.ts';

/** What it asks callers with. */
const CHALLENGE = { realm: 'carrier.example', nonce: 'b3c1f0', algorithm: 'MD5' } as const;

type OfferAgain = (direction: MediaDirection) => Promise<{ readonly status: number }>;

/** The INVITEs that a phone gets: calls, and offers in one. */
export class IncomingInvites {
  readonly #state: PhoneState;
  readonly #media: PhoneMedia;
  readonly #offerAgain: OfferAgain;
  /** Its second answer (`faults.answersTwice`). */
  fork: ForkedAnswer | undefined;
  /** Its own offer that met one of the other side. */
  collision: Promise<{ readonly status: number }> | undefined;

  constructor(state: PhoneState, media: PhoneMedia, offerAgain: OfferAgain) {
    this.#state = state;
    this.#media = media;
    this.#offerAgain = offerAgain;
  }

  receive(request: SipMessage, reply: Reply): void {
    const { incoming = 'ring' } = this.#state.options;
    const present = this.#state.call;
    const isOurs = present?.state === 'established' && present.callId === headerValue(request, 'call-id');
    const { collides } = this.#state.faults;
    if (isOurs && collides !== undefined) {
      const { collides: _, ...others } = this.#state.faults;
      this.#state.faults = others;
      this.collision = this.#offerAgain(collides);
      this.#state.responses.respond(request, reply, { status: 491, reason: 'Request Pending' });
      return;
    }
    if (isOurs && this.#state.options.takesOffers === true) {
      void this.#follow(present, request, reply);
      return;
    }
    if (this.#state.call !== undefined && this.#state.call.state !== 'ended') {
      this.#state.responses.respond(request, reply, { status: 486, reason: 'Busy Here' });
      return;
    }
    if (!this.#isProven(request)) {
      const headers = [
        ['Proxy-Authenticate', `Digest realm="${CHALLENGE.realm}", nonce="${CHALLENGE.nonce}"`],
      ] as const;
      this.#state.responses.respond(request, reply, { status: 407, reason: 'Who Are You', headers });
      return;
    }
    if (typeof incoming === 'number') {
      this.#state.responses.respond(request, reply, { status: incoming, reason: 'Refused by the test' });
      return;
    }
    this.#state.responses.respond(request, reply, { status: 100, reason: 'Trying' });
    void this.#ring(request, reply).catch((error: unknown) => {
      this.#state.log('failed to ring', String(error));
      this.#state.responses.respond(request, reply, { status: 500, reason: 'Test Phone Failed' });
    });
  }

  /** RFC 2617 without qop, so that one answer is right and no other. */
  #isProven(request: SipMessage): boolean {
    const { callers } = this.#state.options;
    if (callers === undefined) return true;
    const expected = authorization(CHALLENGE, { ...callers, method: 'INVITE', uri: request.uri ?? '' });
    const [, response] = /response="([0-9a-f]{32})"/.exec(expected) ?? [];
    return headerValue(request, 'proxy-authorization').includes(`response="${response}"`);
  }

  async #ring(request: SipMessage, reply: Reply): Promise<void> {
    const offer = readSdp(request.body);
    if (!this.#media.keys.agree(offer)) {
      this.#state.responses.respond(request, reply, { status: 488, reason: 'Not With These Keys' });
      return;
    }
    const localTag = newTag();
    const from = headerValue(request, 'from');
    const call: PhoneCall = {
      callId: headerValue(request, 'call-id'),
      localTag,
      localHeader: `${headerValue(request, 'to')};tag=${localTag}`,
      remoteHeader: from,
      remoteTarget: uriOf(headerValue(request, 'contact')),
      routeSet: routesOf(request),
      cseq: 0,
      stream: await this.#media.freshStream(),
      statuses: [],
      acknowledged: false,
      version: 1,
      state: 'ringing',
      receivedInvite: { request, reply },
    };
    this.#state.call = call;
    this.#state.responses.respond(request, reply, {
      status: 180,
      reason: 'Ringing',
      headers: [
        ['Contact', `<${this.#state.contactUri}>`],
        ...(this.#state.options.events === undefined
          ? []
          : [['Allow-Events', this.#state.options.events.join(', ')] as const]),
      ],
      tag: localTag,
    });
    call.incoming = {
      fromUri: uriOf(from),
      fromName: /^\s*"((?:[^"\\]|\\.)*)"/.exec(from)?.[1] ?? from.split('<', 1)[0]?.trim() ?? '',
      requestUri: request.uri ?? '',
      offered: offer.codecs.map(({ codec }) => codec),
      sdp: request.body,
    };
    this.#state.changes.notify();
    if (this.#state.options.incoming === 'answer') await this.accept(call);
  }

  /** A re-INVITE: the same media of ours, sent to where it says. */
  async #follow(call: PhoneCall, request: SipMessage, reply: Reply): Promise<void> {
    const offer = readSdp(request.body);
    const chosen = offer.codecs.find(({ codec }) => codec === call.agreed?.codec.codec);
    if (chosen === undefined) {
      this.#state.responses.respond(request, reply, { status: 488, reason: 'Not Acceptable Here', tag: call.localTag });
      return;
    }
    const isHold = /\r\na=(?:sendonly|inactive)\r\n/.test(request.body);
    await this.#media.start(call, offer, chosen.codec, [chosen], offer.telephoneEvent);
    call.version += 1;
    call.acknowledged = false;
    const audio = this.#media.localAudio(call, [chosen], offer.telephoneEvent);
    this.#state.responses.respond(request, reply, {
      status: 200,
      reason: 'OK',
      headers: [
        ['Contact', `<${this.#state.contactUri}>`],
        ['Content-Type', 'application/sdp'],
      ],
      tag: call.localTag,
      body: writeSdp({ ...audio, ...this.#media.keys.answer(offer), direction: isHold ? 'recvonly' : 'sendrecv' }),
    });
    this.#state.responses.repeatUntil(() => call.acknowledged, request, reply);
  }

  async accept(call: PhoneCall): Promise<void> {
    const { request, reply } = call.receivedInvite ?? {};
    if (request === undefined || reply === undefined || call.state !== 'ringing') {
      throw new Error(`there is no call to answer: it is ${call.state}`);
    }
    const offer = readSdp(request.body);
    if (this.#media.chosenOf(offer) === undefined) this.finish(call, 488, 'Not Acceptable Here');
    else call.state = 'established';
    const { answer, answersTwice } = this.#state.faults;
    const { headers, body } = await this.answerTo(call, offer);
    const response = { status: 200, reason: 'OK', headers, body: answer ?? body };
    this.#state.responses.respond(request, reply, { ...response, tag: call.localTag });
    if (answersTwice === true) this.fork = new ForkedAnswer(this.#state.responses, request, reply, response);
    else this.#state.responses.repeatUntil(() => call.acknowledged, request, reply);
  }

  /** Its media begin. */
  async answerTo(call: PhoneCall, offer: RemoteAudio): Promise<{ headers: SipMessage['headers']; body: string }> {
    const chosen = this.#media.chosenOf(offer);
    if (chosen === undefined) throw new Error(`no codec of ours among ${offer.codecs.map(({ codec }) => codec)}`);
    await this.#media.start(call, offer, chosen.codec, [chosen], offer.telephoneEvent);
    const { asserts } = this.#state.options;
    return {
      headers: [
        ['Contact', `<${this.#state.contactUri}>`],
        ['Content-Type', 'application/sdp'],
        ...(asserts === undefined ? [] : [['P-Asserted-Identity', asserts] as const]),
        ...this.#state.allow,
      ],
      body: writeSdp({
        ...this.#media.localAudio(call, [chosen], offer.telephoneEvent),
        ...this.#media.pauses(offer),
        ...this.#media.keys.answer(offer),
      }),
    };
  }

  finish(call: PhoneCall, status: number, reason: string): void {
    const { request, reply } = call.receivedInvite ?? {};
    if (request === undefined || reply === undefined || call.state !== 'ringing') {
      throw new Error(`there is no call to refuse: it is ${call.state}`);
    }
    this.#state.responses.respond(request, reply, { status, reason, tag: call.localTag });
    this.#state.end(call);
    if (this.#state.open().socket.transport === 'udp')
      this.#state.responses.repeatUntil(() => call.acknowledged, request, reply);
  }
}

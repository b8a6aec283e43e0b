import { randomBytes } from 'node:crypto';
import type { Codec } from '../encode.ts';
import { makeTones, type NoteSequence } from '../tones.ts';
import { sendAuthenticated } from './authenticated-request.ts';
import { Changes } from './changes.ts';
import { ClientRequests, type Destination, newTag } from './client-requests.ts';
import { authorization } from './digest.ts';
import { ForkedAnswer } from './forked-answer.ts';
import type {
  CallOutcome,
  DialogNames,
  IncomingCall,
  InviteOptions,
  Phone,
  PhoneOptions,
  Registration,
} from './phone.ts';
import type { PhoneCall } from './phone-call.ts';
import type { PhoneFaults } from './phone-faults.ts';
import { PhoneIdentity } from './phone-identity.ts';
import { PhoneRegistration } from './phone-registration.ts';
import { ALLOW, cancelRequest, dialogRequest, inviteRequest, optionsRequest, routesOf } from './phone-requests.ts';
import {
  type LocalAudio,
  type MediaDirection,
  type RemoteAudio,
  readSdp,
  staticCodecs,
  writeSdp,
} from './phone-sdp.ts';
import { type DtmfEvent, type ReceivedMedia, RtpStream } from './rtp-stream.ts';
import { ServerRequests } from './server-requests.ts';
import { formatSip, headerValue, parameterOf, type SipMessage, uriOf } from './sip-message.ts';
import { openSipSocket, type Reply, type SipSocket } from './sip-socket.ts';

const REQUEST_TIMEOUT_MS = 15_000;
const CALL_TIMEOUT_MS = 30_000;
/** Packets between two looks at what was heard: each look decodes everything again. */
const PACKETS_PER_LOOK = 50;
const TELEPHONE_EVENT = 101;
const COMFORT_NOISE = 13;
const MAX_TRANSCRIPT = 500;
/** What it asks callers with. */
const CHALLENGE = { realm: 'carrier.example', nonce: 'b3c1f0', algorithm: 'MD5' } as const;

/** What a phone has as long as it is open. */
interface Line {
  readonly socket: SipSocket;
  readonly requests: ClientRequests;
  readonly identity: PhoneIdentity;
  readonly registration: PhoneRegistration;
}

/** A small SIP phone for tests, with nothing of the firmware in it. See the interface Phone for what each method does. */
export class TestPhone implements Phone {
  readonly #options: PhoneOptions;
  readonly #changes = new Changes();
  readonly #transcript: string[] = [];
  readonly #responses: ServerRequests;
  /** What it does wrong from now on, or at a bad moment. */
  faults: PhoneFaults = {};
  /** What NOTIFYs told of its REFERs. */
  readonly #notified: string[] = [];
  readonly #events: SipMessage[] = [];
  #line: Line | undefined;
  #call: PhoneCall | undefined;
  #fork: ForkedAnswer | undefined;
  /** Its own offer that met one of the other side. */
  #collision: Promise<{ readonly status: number }> | undefined;
  #reported: PhoneCall | undefined;

  private constructor(options: PhoneOptions) {
    this.#options = options;
    this.#responses = new ServerRequests((direction, text) => this.#log(direction, text));
  }

  /** Takes free ports on the phone's address and begins to listen. */
  static async start(options: PhoneOptions): Promise<TestPhone> {
    const phone = new TestPhone(options);
    const socket = await openSipSocket(options.transport ?? 'udp', options.localAddress, {
      received: (message, reply) => phone.#receive(message, reply),
      unreadable: (text) => phone.#log('received what is no SIP', text),
    });
    const log = (direction: string, text: string): void => phone.#log(direction, text);
    const requests = new ClientRequests(socket, options.localAddress, phone.#changes, log);
    const identity = new PhoneIdentity(options, socket);
    phone.#line = { socket, requests, identity, registration: new PhoneRegistration(requests, identity) };
    return phone;
  }

  /** The phone's own SIP URI, with address and port. */
  get contactUri(): string {
    return this.#open().identity.contactUri;
  }

  register(options: { readonly password?: string; readonly expiresSeconds?: number } = {}): Promise<Registration> {
    return this.#open().registration.register(options.password, options.expiresSeconds);
  }

  registerWhenReachable(timeoutMs = 120_000): Promise<number> {
    return this.#open().registration.whenReachable(timeoutMs);
  }

  async options(): Promise<number> {
    const { requests, identity } = this.#open();
    const sent = requests.send(optionsRequest(identity.domain, identity.aor), identity.server);
    return (await requests.final(sent, REQUEST_TIMEOUT_MS)).status ?? 0;
  }

  async invite(target: string, options: InviteOptions = {}): Promise<void> {
    const { identity } = this.#open();
    const uri = identity.uriOf(target);
    const localTag = newTag();
    const call: PhoneCall = {
      callId: randomBytes(8).toString('hex'),
      localTag,
      localHeader: `<${identity.aor}>;tag=${localTag}`,
      remoteHeader: `<${uri}>`,
      remoteTarget: uri,
      routeSet: [],
      cseq: 0,
      stream: await this.#freshStream(),
      statuses: [],
      acknowledged: false,
      version: 1,
      state: 'calling',
    };
    this.#call = call;
    const sdp = options.sdp ?? writeSdp(this.#offeredAudio(call));
    void this.#runInvite(call, uri, sdp, options.headers).catch((error: unknown) => {
      call.failure = error instanceof Error ? error : new Error(String(error));
      this.#changes.notify();
    });
    await this.#until(() => call.sentInvite ?? call.failure, REQUEST_TIMEOUT_MS, 'the INVITE to be sent');
  }

  ringing(timeoutMs = CALL_TIMEOUT_MS): Promise<number> {
    const call = this.#current();
    return this.#until(
      () => {
        const final = call.outcome?.status;
        const status = call.statuses.find((candidate) => candidate > 100 && candidate < 200);
        if (status === undefined && final !== undefined) throw new Error(`the call ended with ${final} before it rang`);
        return status;
      },
      timeoutMs,
      'the other side to ring',
    );
  }

  answered(timeoutMs = CALL_TIMEOUT_MS): Promise<CallOutcome> {
    const call = this.#current();
    return this.#until(
      () => {
        if (call.failure !== undefined) throw call.failure;
        return call.outcome;
      },
      timeoutMs,
      'a final response to the INVITE',
    );
  }

  async call(target: string, options: InviteOptions = {}): Promise<CallOutcome> {
    await this.invite(target, options);
    return this.answered();
  }

  async cancel(timeoutMs = CALL_TIMEOUT_MS): Promise<CallOutcome> {
    const call = this.#current();
    // RFC 3261 §9.1: no CANCEL before a provisional response.
    const isProvisional = (status: number): boolean => status < 200;
    await this.#until(() => call.statuses.find(isProvisional), timeoutMs, 'a provisional response before the CANCEL');
    const sent = call.sentInvite;
    if (sent === undefined) throw new Error('no INVITE was sent');
    const cancel = cancelRequest(sent.request);
    const transaction = this.#client().send(cancel, sent.destination, sent.branch);
    const { status } = await this.#client().final(transaction, timeoutMs);
    if (status !== 200) throw new Error(`the CANCEL got ${status}`);
    return this.answered(timeoutMs);
  }

  async incomingCall(timeoutMs = CALL_TIMEOUT_MS): Promise<IncomingCall> {
    return this.#until(
      () => {
        const call = this.#call;
        if (call?.incoming === undefined || call === this.#reported) return undefined;
        this.#reported = call;
        return call.incoming;
      },
      timeoutMs,
      'a call to come in',
    );
  }

  async answer(timeoutMs = CALL_TIMEOUT_MS): Promise<void> {
    const call = this.#current();
    await this.#accept(call);
    await this.#until(() => call.acknowledged || undefined, timeoutMs, 'the ACK');
  }

  /** Sends 183 with its description, and its media from then on. */
  async sendEarly(): Promise<void> {
    const call = this.#current();
    const { request, reply } = call.receivedInvite ?? {};
    if (request === undefined || reply === undefined) throw new Error('nobody calls');
    const { body, headers } = await this.#answerTo(call, readSdp(request.body));
    this.#responses.respond(request, reply, {
      status: 183,
      reason: 'Session Progress',
      headers,
      tag: call.localTag,
      body,
    });
  }

  /** Answers, and hangs up before it has the ACK; the status of the BYE. */
  async answerAndLeave(): Promise<number> {
    const call = this.#current();
    await this.#accept(call);
    return this.bye();
  }

  /** Sends the ACK that `faults.holdsAck` keeps back, also after its own BYE. */
  acknowledge(): void {
    const { ack } = this.#current();
    if (ack === undefined) throw new Error('nothing to acknowledge');
    this.faults = { ...this.faults, holdsAck: false };
    this.#client().send(ack, this.#nextHop(this.#current()));
  }

  /** The CANCEL of the call that it began, whatever came for it already; the status of its answer. */
  async cancelLate(): Promise<number> {
    const sent = this.#current().sentInvite;
    if (sent === undefined) throw new Error('no INVITE was sent');
    const transaction = this.#client().send(cancelRequest(sent.request), sent.destination, sent.branch);
    return (await this.#client().final(transaction, REQUEST_TIMEOUT_MS)).status ?? 0;
  }

  /** The status of its own offer that met one of the other side (`faults.collides`). */
  async collided(timeoutMs = CALL_TIMEOUT_MS): Promise<number> {
    const own = await this.#until(() => this.#collision, timeoutMs, 'an offer of the other side');
    return (await own).status;
  }

  /** Waits until the answer of the other fork (`faults.answersTwice`) was acknowledged, and ended by BYE. */
  async forkEnded(timeoutMs = CALL_TIMEOUT_MS): Promise<void> {
    await this.#until(() => this.#fork?.isOver || undefined, timeoutMs, 'ACK and BYE to the other fork');
  }

  /** Waits until so many more packets of audio came that are no silence: 20 ms each. */
  async hearsSound(packets = 25, timeoutMs = CALL_TIMEOUT_MS): Promise<void> {
    const { stream } = this.#current();
    const enough = stream.sounding + packets;
    const what = `${this.#options.user} to hear ${packets} packets of sound`;
    await this.#until(() => stream.sounding >= enough || undefined, timeoutMs, what);
  }

  /** Waits for a message that it received, the whole of it as a text, since it was opened. */
  async received(pattern: RegExp, timeoutMs = CALL_TIMEOUT_MS): Promise<string> {
    const found = (): string | undefined =>
      this.#transcript.find((entry) => / received\]\n/.test(entry) && pattern.test(entry));
    return this.#until(found, timeoutMs, `${pattern} to come`);
  }

  async reject(status: number): Promise<void> {
    const call = this.#current();
    this.#finishIncoming(call, status, 'Rejected');
  }

  async play(sequence: NoteSequence): Promise<void> {
    await this.#current().stream.play(makeTones(sequence));
  }

  async pressKey(digit: string): Promise<void> {
    await this.#current().stream.pressKey(digit);
  }

  async hears(sequence: NoteSequence, timeoutMs = CALL_TIMEOUT_MS): Promise<ReceivedMedia> {
    const { stream } = this.#current();
    const deadline = performance.now() + timeoutMs;
    let media = await stream.heard();
    while (!media.notes.includes(sequence)) {
      const enough = stream.packets + PACKETS_PER_LOOK;
      const found = JSON.stringify(media);
      const remainingMs = Math.max(1, deadline - performance.now());
      const what = `${this.#options.user} to hear ${sequence}; heard so far ${found}`;
      await this.#until(() => stream.packets >= enough || undefined, remainingMs, what);
      media = await stream.heard();
    }
    return media;
  }

  heard(): Promise<ReceivedMedia> {
    return this.#current().stream.heard();
  }

  async receivesKey(digit: string, timeoutMs = CALL_TIMEOUT_MS): Promise<DtmfEvent> {
    const { stream } = this.#current();
    return this.#until(() => stream.keyPress(digit), timeoutMs, `the key ${digit}`);
  }

  async bye(): Promise<number> {
    const call = this.#current();
    if (call.state !== 'established') throw new Error(`there is no call to end: it is ${call.state}`);
    call.endedBy = 'us';
    const sent = this.#client().send(dialogRequest(call, 'BYE'), this.#nextHop(call));
    const { status = 0 } = await this.#client().final(sent, REQUEST_TIMEOUT_MS);
    this.#end(call);
    return status;
  }

  /** Its call, for Replaces of another one: as this phone sees it. */
  get dialog(): DialogNames {
    const { callId, localTag, remoteHeader, sentInvite } = this.#current();
    const early = sentInvite?.responses.flatMap((response) => parameterOf(headerValue(response, 'to'), 'tag') ?? []);
    return { callId, localTag, remoteTag: parameterOf(remoteHeader, 'tag') ?? early?.at(-1) ?? '' };
  }

  async dialogNames(): Promise<DialogNames> {
    return this.dialog;
  }

  /** Contact of the answer to its INVITE. */
  get answerContact(): string {
    const answer = this.#current().sentInvite?.responses.find(({ status = 0 }) => status >= 200 && status < 300);
    return answer === undefined ? '' : headerValue(answer, 'contact');
  }

  /** Sends a request of its own outside of any call, with credentials where they are asked for; the final response. */
  async send(method: string, uri: string, headers: SipMessage['headers'] = [], body = ''): Promise<SipMessage> {
    const { requests, identity } = this.#open();
    const callId = randomBytes(8).toString('hex');
    const tag = newTag();
    let cseq = 0;
    const { final } = await sendAuthenticated(requests, {
      build: (credentials) => {
        cseq += 1;
        return {
          method,
          uri,
          headers: [
            ['Max-Forwards', '70'],
            ['From', `<${identity.aor}>;tag=${tag}`],
            ['To', `<${uri}>`],
            ['Call-ID', callId],
            ['CSeq', `${cseq} ${method}`],
            ['Contact', `<${identity.contactUri}>`],
            ...headers,
            ...credentials,
          ],
          body,
        };
      },
      destination: identity.server,
      credentials: identity.credentials,
      timeoutMs: () => REQUEST_TIMEOUT_MS,
    });
    return final;
  }

  /** Every NOTIFY that came in no call of its own. */
  get events(): readonly SipMessage[] {
    return this.#events;
  }

  /** The first of those that fits, once it is there. */
  event(fits: (notify: SipMessage) => boolean, what: string, timeoutMs = CALL_TIMEOUT_MS): Promise<SipMessage> {
    return this.#until(() => this.#events.find(fits), timeoutMs, what);
  }

  /** Refers the other side of its call to somebody (RFC 3515); the status of the answer. */
  async refer(referTo: string, more: NonNullable<InviteOptions['headers']> = []): Promise<number> {
    const call = this.#current();
    const request = dialogRequest(call, 'REFER');
    const headers: SipMessage['headers'] = [
      ...request.headers,
      ['Contact', `<${this.contactUri}>`],
      ['Refer-To', referTo],
      ...more,
    ];
    const sent = this.#client().send({ ...request, headers }, this.#nextHop(call));
    return (await this.#client().final(sent, REQUEST_TIMEOUT_MS)).status ?? 0;
  }

  /** Waits until NOTIFYs have told this status of a REFER so often; all that were told so far. */
  async notified(status: number, timeoutMs = CALL_TIMEOUT_MS, times = 1): Promise<readonly number[]> {
    const told = (): readonly number[] => this.#notified.map((line) => Number(line.split(' ')[1]));
    const isTold = (): boolean => told().filter((each) => each === status).length >= times;
    await this.#until(() => isTold() || undefined, timeoutMs, `a NOTIFY of ${status}`);
    return told();
  }

  async ended(timeoutMs = CALL_TIMEOUT_MS): Promise<void> {
    const call = this.#current();
    await this.#until(() => call.state === 'ended' || undefined, timeoutMs, 'the other side to end the call');
    if (call.endedBy !== 'them') throw new Error('the call was ended by this phone');
  }

  async transcript(): Promise<string> {
    return this.#transcript.join('\n');
  }

  async close(): Promise<void> {
    this.#call?.stream.close();
    this.#responses.close();
    const line = this.#line;
    this.#line = undefined;
    this.#changes.close();
    line?.requests.close();
    await line?.socket.close();
  }

  // Calls that this phone begins.

  async #runInvite(
    call: PhoneCall,
    uri: string,
    sdp: string,
    headers: NonNullable<InviteOptions['headers']> = [],
  ): Promise<void> {
    const began = performance.now();
    const { requests, identity } = this.#open();
    const { final } = await sendAuthenticated(requests, {
      build: (credentials) => {
        call.cseq += 1;
        return inviteRequest(call, uri, identity.contactUri, sdp, [...credentials, ...headers, ...this.#allow]);
      },
      destination: identity.destinationOf(uri),
      credentials: identity.credentials,
      timeoutMs: () => 4 * CALL_TIMEOUT_MS,
      onSent: (sent) => {
        call.sentInvite = sent;
        this.#changes.notify();
      },
    });
    const { status = 0, reason = '' } = final;
    const tookMs = Math.round(performance.now() - began);
    if (status >= 300) {
      call.outcome = { status, reason, statuses: call.statuses, tookMs };
      this.#end(call);
      return;
    }
    call.remoteHeader = headerValue(final, 'to');
    call.remoteTarget = uriOf(headerValue(final, 'contact'));
    call.routeSet = routesOf(final).reverse();
    const ack = dialogRequest(call, 'ACK', call.cseq);
    call.ack = ack;
    if (this.faults.holdsAck !== true) this.#client().send(ack, this.#nextHop(call));
    call.state = 'established';
    const { codec, annexB } = await this.#takeAnswer(call, final.body);
    const base = { status, reason, statuses: call.statuses, tookMs, codec };
    call.outcome = annexB === undefined ? base : { ...base, annexB };
    this.#changes.notify();
  }

  async #takeAnswer(call: PhoneCall, body: string): Promise<{ codec: Codec; annexB: boolean | undefined }> {
    const remote = readSdp(body);
    const chosen = remote.codecs.find(({ codec }) => this.#options.codecs.includes(codec));
    if (chosen === undefined) throw new Error(`the answer has no codec of ours:\n${body}`);
    await this.#startMedia(call, remote, chosen.codec, staticCodecs([chosen.codec]), TELEPHONE_EVENT);
    return { codec: chosen.codec, annexB: remote.annexB };
  }

  async #hearEarly(call: PhoneCall, body: string): Promise<void> {
    await this.#takeAnswer(call, body).catch((error: unknown) => this.#log('no use of early media', String(error)));
  }

  // What comes in.

  #receive(message: SipMessage, reply: Reply): void {
    this.#log('received', formatSip(message));
    if (message.status !== undefined) this.#receiveResponse(message, message.status);
    else this.#receiveRequest(message, reply);
    this.#changes.notify();
  }

  #receiveResponse(response: SipMessage, status: number): void {
    const sent = this.#client().take(response);
    const call = this.#call;
    if (sent === undefined || call?.sentInvite !== sent) return;
    call.statuses.push(status);
    if (status === 183 && call.state === 'calling' && response.body !== '') void this.#hearEarly(call, response.body);
    const again = sent.responses.filter((earlier) => earlier.status === status).length > 1;
    if (!again || status < 200) return;
    // A repeated final response asks for its ACK again.
    if (status < 300 && call.ack !== undefined) {
      if (this.faults.holdsAck !== true) this.#client().send(call.ack, this.#nextHop(call));
    } else if (status >= 300) this.#client().acknowledgeFailure(sent, response);
  }

  #receiveRequest(request: SipMessage, reply: Reply): void {
    const { method = '' } = request;
    if (this.#responses.answerAgain(request, reply)) return;
    const call = this.#call;
    const ours = call !== undefined && call.callId === headerValue(request, 'call-id');
    if (this.#fork?.receive(request, reply) === true) return;
    if (method === 'ACK') {
      if (ours) call.acknowledged = true;
    } else if (method === 'MESSAGE') {
      this.#responses.respond(request, reply, { status: 200, reason: 'OK' });
    } else if (method === 'OPTIONS') {
      this.#responses.respond(request, reply, { status: 200, reason: 'OK', headers: [['Allow', ALLOW]] });
    } else if (method === 'REGISTER' && this.#options.isRegistrar === true) {
      const headers = ['contact', 'expires'].map((name) => [name, headerValue(request, name)] as const);
      this.#responses.respond(request, reply, { status: 200, reason: 'OK', headers });
    } else if (method === 'NOTIFY' && ours) {
      const event = headerValue(request, 'event');
      if (event === 'talk' || event === 'hold') {
        const isKnown = this.#options.events?.includes(event) === true;
        this.#responses.respond(
          request,
          reply,
          isKnown ? { status: 200, reason: 'OK' } : { status: 489, reason: 'Bad Event' },
        );
        if (isKnown) void this.#obey(call, event);
        return;
      }
      this.#responses.respond(request, reply, { status: 200, reason: 'OK' });
      this.#notified.push(request.body.split('\r\n', 1)[0] ?? '');
    } else if (method === 'NOTIFY' && this.#options.takesEvents === true) {
      this.#responses.respond(request, reply, { status: 200, reason: 'OK' });
      this.#events.push(request);
    } else if (method === 'INVITE') {
      this.#receiveInvite(request, reply);
    } else if (!ours) {
      this.#responses.respond(request, reply, { status: 481, reason: 'Call Does Not Exist' });
    } else if (method === 'UPDATE' && this.#options.takesUpdate === true) {
      this.#responses.respond(request, reply, {
        status: 200,
        reason: 'OK',
        headers: [['Contact', `<${this.contactUri}>`]],
      });
    } else if (method === 'CANCEL') {
      this.#responses.respond(request, reply, { status: 200, reason: 'OK' });
      if (call.state !== 'ringing') return;
      if (this.faults.answersCancel === true) {
        void this.#accept(call);
        return;
      }
      call.endedBy = 'them';
      this.#finishIncoming(call, 487, 'Request Terminated');
    } else if (method === 'BYE') {
      this.#responses.respond(request, reply, { status: 200, reason: 'OK' });
      call.endedBy ??= 'them';
      this.#end(call);
    } else {
      this.#responses.respond(request, reply, { status: 501, reason: 'Not Implemented' });
    }
  }

  /** As if its user had pressed the key. */
  async #obey(call: PhoneCall, event: 'talk' | 'hold'): Promise<void> {
    if (call.state === 'ringing') await this.#accept(call);
    else await this.offerAgain(event === 'hold' ? 'sendonly' : 'sendrecv');
  }

  #receiveInvite(request: SipMessage, reply: Reply): void {
    const { incoming = 'ring' } = this.#options;
    const present = this.#call;
    const isOurs = present?.state === 'established' && present.callId === headerValue(request, 'call-id');
    const { collides } = this.faults;
    if (isOurs && collides !== undefined) {
      const { collides: _, ...others } = this.faults;
      this.faults = others;
      this.#collision = this.offerAgain(collides);
      this.#responses.respond(request, reply, { status: 491, reason: 'Request Pending' });
      return;
    }
    if (isOurs && this.#options.takesOffers === true) {
      void this.#follow(present, request, reply);
      return;
    }
    if (this.#call !== undefined && this.#call.state !== 'ended') {
      this.#responses.respond(request, reply, { status: 486, reason: 'Busy Here' });
      return;
    }
    if (!this.#isProven(request)) {
      const headers = [
        ['Proxy-Authenticate', `Digest realm="${CHALLENGE.realm}", nonce="${CHALLENGE.nonce}"`],
      ] as const;
      this.#responses.respond(request, reply, { status: 407, reason: 'Who Are You', headers });
      return;
    }
    if (typeof incoming === 'number') {
      this.#responses.respond(request, reply, { status: incoming, reason: 'Refused by the test' });
      return;
    }
    this.#responses.respond(request, reply, { status: 100, reason: 'Trying' });
    void this.#ring(request, reply).catch((error: unknown) => {
      this.#log('failed to ring', String(error));
      this.#responses.respond(request, reply, { status: 500, reason: 'Test Phone Failed' });
    });
  }

  /** RFC 2617 without qop, so that one answer is right and no other. */
  #isProven(request: SipMessage): boolean {
    const { callers } = this.#options;
    if (callers === undefined) return true;
    const expected = authorization(CHALLENGE, { ...callers, method: 'INVITE', uri: request.uri ?? '' });
    const [, response] = /response="([0-9a-f]{32})"/.exec(expected) ?? [];
    return headerValue(request, 'proxy-authorization').includes(`response="${response}"`);
  }

  async #ring(request: SipMessage, reply: Reply): Promise<void> {
    const offer = readSdp(request.body);
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
      stream: await this.#freshStream(),
      statuses: [],
      acknowledged: false,
      version: 1,
      state: 'ringing',
      receivedInvite: { request, reply },
    };
    this.#call = call;
    this.#responses.respond(request, reply, {
      status: 180,
      reason: 'Ringing',
      headers: [
        ['Contact', `<${this.contactUri}>`],
        ...(this.#options.events === undefined ? [] : [['Allow-Events', this.#options.events.join(', ')] as const]),
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
    this.#changes.notify();
    if (this.#options.incoming === 'answer') await this.#accept(call);
  }

  /** A re-INVITE: the same media of ours, sent to where it says. */
  async #follow(call: PhoneCall, request: SipMessage, reply: Reply): Promise<void> {
    const offer = readSdp(request.body);
    const chosen = offer.codecs.find(({ codec }) => codec === call.agreed?.codec.codec);
    if (chosen === undefined) {
      this.#responses.respond(request, reply, { status: 488, reason: 'Not Acceptable Here', tag: call.localTag });
      return;
    }
    const isHold = /\r\na=(?:sendonly|inactive)\r\n/.test(request.body);
    await this.#startMedia(call, offer, chosen.codec, [chosen], offer.telephoneEvent);
    call.version += 1;
    call.acknowledged = false;
    const audio = this.#localAudio(call, [chosen], offer.telephoneEvent);
    this.#responses.respond(request, reply, {
      status: 200,
      reason: 'OK',
      headers: [
        ['Contact', `<${this.contactUri}>`],
        ['Content-Type', 'application/sdp'],
      ],
      tag: call.localTag,
      body: writeSdp({ ...audio, direction: isHold ? 'recvonly' : 'sendrecv' }),
    });
    this.#responses.repeatUntil(() => call.acknowledged, request, reply);
  }

  async offerAgain(direction: MediaDirection): Promise<{ readonly status: number; readonly target: string }> {
    const call = this.#current();
    if (call.state !== 'established' || call.agreed === undefined) throw new Error('there is no call to change');
    call.version += 1;
    const audio = this.#localAudio(call, [call.agreed.codec], call.agreed.telephoneEvent);
    const request = dialogRequest(call, 'INVITE');
    const headers: SipMessage['headers'] = [
      ...request.headers,
      ['Contact', `<${this.contactUri}>`],
      ['Content-Type', 'application/sdp'],
    ];
    const body = writeSdp({ ...audio, direction });
    const { cseq } = call;
    const sent = this.#client().send({ ...request, headers, body }, this.#nextHop(call));
    const final = await this.#client().final(sent, REQUEST_TIMEOUT_MS);
    const { status = 0 } = final;
    if (status >= 300) {
      this.#client().acknowledgeFailure(sent, final);
    } else {
      this.#client().send(dialogRequest(call, 'ACK', cseq), this.#nextHop(call));
      const remote = readSdp(final.body);
      await this.#startMedia(call, remote, call.agreed.codec.codec, [call.agreed.codec], call.agreed.telephoneEvent);
    }
    return { status, target: call.agreed.target };
  }

  /** Address and port of its media. */
  get media(): string {
    return `${this.#options.localAddress} ${this.#current().stream.port}`;
  }

  async #accept(call: PhoneCall): Promise<void> {
    const { request, reply } = call.receivedInvite ?? {};
    if (request === undefined || reply === undefined || call.state !== 'ringing') {
      throw new Error(`there is no call to answer: it is ${call.state}`);
    }
    const offer = readSdp(request.body);
    if (this.#chosenOf(offer) === undefined) this.#finishIncoming(call, 488, 'Not Acceptable Here');
    else call.state = 'established';
    const { answer, answersTwice } = this.faults;
    const { headers, body } = await this.#answerTo(call, offer);
    const response = { status: 200, reason: 'OK', headers, body: answer ?? body };
    this.#responses.respond(request, reply, { ...response, tag: call.localTag });
    if (answersTwice === true) this.#fork = new ForkedAnswer(this.#responses, request, reply, response);
    else this.#responses.repeatUntil(() => call.acknowledged, request, reply);
  }

  #chosenOf(offer: RemoteAudio): RemoteAudio['codecs'][number] | undefined {
    return this.#options.codecs
      .flatMap((codec) => offer.codecs.find((candidate) => candidate.codec === codec) ?? [])
      .at(0);
  }

  /** Its media begin. */
  async #answerTo(call: PhoneCall, offer: RemoteAudio): Promise<{ headers: SipMessage['headers']; body: string }> {
    const chosen = this.#chosenOf(offer);
    if (chosen === undefined) throw new Error(`no codec of ours among ${offer.codecs.map(({ codec }) => codec)}`);
    await this.#startMedia(call, offer, chosen.codec, [chosen], offer.telephoneEvent);
    return {
      headers: [['Contact', `<${this.contactUri}>`], ['Content-Type', 'application/sdp'], ...this.#allow],
      body: writeSdp({ ...this.#localAudio(call, [chosen], offer.telephoneEvent), ...this.#pauses(offer) }),
    };
  }

  get #allow(): SipMessage['headers'] {
    return this.#options.takesUpdate === true ? [['Allow', 'UPDATE']] : [];
  }

  #finishIncoming(call: PhoneCall, status: number, reason: string): void {
    const { request, reply } = call.receivedInvite ?? {};
    if (request === undefined || reply === undefined || call.state !== 'ringing') {
      throw new Error(`there is no call to refuse: it is ${call.state}`);
    }
    this.#responses.respond(request, reply, { status, reason, tag: call.localTag });
    this.#end(call);
    if (this.#open().socket.transport === 'udp') this.#responses.repeatUntil(() => call.acknowledged, request, reply);
  }

  // Media and the small things.

  async #freshStream(): Promise<RtpStream> {
    if (this.#call !== undefined && this.#call.state !== 'ended') throw new Error('this phone is in a call');
    return RtpStream.open(this.#options.localAddress, this.#changes);
  }

  #localAudio(call: PhoneCall, codecs: LocalAudio['codecs'], telephoneEvent: number | undefined): LocalAudio {
    const wanted = this.#options.telephoneEvent === false ? undefined : telephoneEvent;
    const { version, stream } = call;
    return { address: this.#options.localAddress, port: stream.port, codecs, telephoneEvent: wanted, version };
  }

  #offeredAudio(call: PhoneCall): LocalAudio {
    const audio = this.#localAudio(call, staticCodecs(this.#options.codecs), TELEPHONE_EVENT);
    return { ...audio, ...this.#pauses({ comfortNoise: COMFORT_NOISE, annexB: true }) };
  }

  /** What the phone takes of it. */
  #pauses({
    comfortNoise,
    annexB,
  }: Pick<RemoteAudio, 'comfortNoise' | 'annexB'>): Pick<LocalAudio, 'comfortNoise' | 'annexB'> {
    return this.#options.pauses === true ? { comfortNoise, annexB: annexB === true } : {};
  }

  async #startMedia(
    call: PhoneCall,
    remote: RemoteAudio,
    codec: Codec,
    local: LocalAudio['codecs'],
    localTelephoneEvent: number | undefined,
  ): Promise<void> {
    const payloadType = remote.codecs.find((candidate) => candidate.codec === codec)?.payloadType;
    const localPayloadType = local[0]?.payloadType;
    if (payloadType === undefined || localPayloadType === undefined) throw new Error(`${codec} has no payload type`);
    const events = this.#options.telephoneEvent !== false;
    call.agreed = {
      codec: { codec, payloadType: localPayloadType },
      telephoneEvent: localTelephoneEvent,
      target: `${remote.address} ${remote.port}`,
    };
    await call.stream.start({
      address: remote.address,
      port: remote.port,
      codec,
      payloadType,
      localPayloadType,
      telephoneEvent: events ? remote.telephoneEvent : undefined,
      localTelephoneEvent: events ? localTelephoneEvent : undefined,
      ...this.#pauses(remote),
    });
  }

  #end(call: PhoneCall): void {
    call.state = 'ended';
    call.stream.close();
    this.#changes.notify();
  }

  #nextHop(call: PhoneCall): Destination {
    return this.#open().identity.destinationOf(uriOf(call.routeSet[0] ?? call.remoteTarget));
  }

  #current(): PhoneCall {
    if (this.#call === undefined) throw new Error(`${this.#options.user} has no call`);
    return this.#call;
  }

  #client(): ClientRequests {
    return this.#open().requests;
  }

  #open(): Line {
    if (this.#line === undefined) throw new Error('the phone is closed');
    return this.#line;
  }

  #until<T>(probe: () => T | undefined, timeoutMs: number, what: string): Promise<T> {
    return this.#changes.until(probe, timeoutMs, `${this.#options.user}: waiting for ${what}`, () =>
      this.#transcript.slice(-8).join('\n'),
    );
  }

  #log(direction: string, text: string): void {
    this.#transcript.push(`[${this.#options.user} ${new Date().toISOString()} ${direction}]\n${text}`);
    if (this.#transcript.length > MAX_TRANSCRIPT) this.#transcript.shift();
  }
}

import { randomBytes } from 'node:crypto';
import { makeTones, type NoteSequence } from '../tones.ts';
import { sendAuthenticated } from './authenticated-request.ts';
import { ClientRequests, newTag } from './client-requests.ts';
import { IncomingInvites } from './incoming-invites.ts';
import { OutgoingInvites } from './outgoing-invites.ts';
import type {
  CallOutcome,
  DialogNames,
  IncomingCall,
  InviteOptions,
  OfferChanges,
  OfferOutcome,
  Phone,
  PhoneOptions,
  Registration,
} from './phone.ts';
import type { PhoneCall } from './phone-call.ts';
import type { PhoneFaults } from './phone-faults.ts';
import { PhoneIdentity } from './phone-identity.ts';
import { PhoneMedia } from './phone-media.ts';
import { PhoneRegistration } from './phone-registration.ts';
import { ALLOW, cancelRequest, dialogRequest, optionsRequest } from './phone-requests.ts';
import { type MediaDirection, readSdp, withAlternative, writeSdp } from './phone-sdp.ts';
import { CALL_TIMEOUT_MS, PhoneState, REQUEST_TIMEOUT_MS } from './phone-state.ts';
import { ReferredCalls } from './referred-calls.ts';
import type { DtmfEvent, ReceivedMedia, RtpStream } from './rtp-stream.ts';
import { formatSip, headerValue, parameterOf, type SipMessage } from './sip-message.ts';
import { openSipSocket, type Reply, type SipListener } from './sip-socket.ts';

/** Packets between two looks at what was heard: each look decodes everything again. */
const PACKETS_PER_LOOK = 50;

/** A small SIP phone for tests, with nothing of the firmware in it. See the interface Phone for what each method does. */
export class TestPhone implements Phone {
  readonly #state: PhoneState;
  readonly #media: PhoneMedia;
  readonly #outgoing: OutgoingInvites;
  readonly #incoming: IncomingInvites;
  /** What it does with a REFER outside of its calls. */
  readonly referred: ReferredCalls;
  /** Plays the other line of the same device: takes what comes while this one has its call. */
  secondLine: TestPhone | undefined;
  /** What NOTIFYs told of its REFERs. */
  readonly #notified: string[] = [];
  readonly #events: SipMessage[] = [];
  #reported: PhoneCall | undefined;

  private constructor(options: PhoneOptions) {
    this.#state = new PhoneState(options);
    this.#media = new PhoneMedia(this.#state);
    this.#outgoing = new OutgoingInvites(this.#state, this.#media);
    this.#incoming = new IncomingInvites(this.#state, this.#media, (direction) => this.offerAgain(direction));
    this.referred = new ReferredCalls(this.#state, (uri) => this.call(uri));
  }

  /** Takes free ports on the phone's address and begins to listen. */
  static async start(options: PhoneOptions): Promise<TestPhone> {
    const phone = new TestPhone(options);
    const state = phone.#state;
    const log = (direction: string, text: string): void => state.log(direction, text);
    const listener: SipListener = {
      received: (message, reply) => phone.#receive(message, reply),
      unreadable: (text) => log('received what is no SIP', text),
    };
    const { transport = 'udp', localAddress: address, sipPort: port = 0, certificate } = options;
    const socket = await openSipSocket(transport, { address, port }, listener, certificate);
    const requests = new ClientRequests(socket, options.localAddress, state.changes, log);
    const identity = new PhoneIdentity(options, socket);
    state.line = { socket, requests, identity, registration: new PhoneRegistration(requests, identity) };
    return phone;
  }

  /** The phone's own SIP URI, with address and port. */
  get contactUri(): string {
    return this.#state.contactUri;
  }

  /** What it does wrong from now on, or at a bad moment. */
  get faults(): PhoneFaults {
    return this.#state.faults;
  }

  set faults(faults: PhoneFaults) {
    this.#state.faults = faults;
  }

  register(options: { readonly password?: string; readonly expiresSeconds?: number } = {}): Promise<Registration> {
    return this.#state.open().registration.register(options.password, options.expiresSeconds);
  }

  registerWhenReachable(timeoutMs = 120_000): Promise<number> {
    return this.#state.open().registration.whenReachable(timeoutMs);
  }

  async options(): Promise<number> {
    const { requests, identity } = this.#state.open();
    const sent = requests.send(optionsRequest(identity.domain, identity.aor), identity.server);
    return (await requests.final(sent, REQUEST_TIMEOUT_MS)).status ?? 0;
  }

  async invite(target: string, options: InviteOptions = {}): Promise<void> {
    const { identity } = this.#state.open();
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
      stream: await this.#media.freshStream(),
      statuses: [],
      acknowledged: false,
      version: 1,
      state: 'calling',
    };
    this.#state.call = call;
    const own = writeSdp(this.#media.offeredAudio(call));
    const sdp = options.sdp ?? (options.alternative === undefined ? own : withAlternative(own, options.alternative));
    void this.#outgoing.run(call, uri, sdp, options.headers).catch((error: unknown) => {
      call.failure = error instanceof Error ? error : new Error(String(error));
      this.#state.changes.notify();
    });
    await this.#state.until(() => call.sentInvite ?? call.failure, REQUEST_TIMEOUT_MS, 'the INVITE to be sent');
  }

  ringing(timeoutMs = CALL_TIMEOUT_MS): Promise<number> {
    const call = this.#state.current();
    return this.#state.until(
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
    const call = this.#state.current();
    return this.#state.until(
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
    const call = this.#state.current();
    // RFC 3261 §9.1: no CANCEL before a provisional response.
    const isProvisional = (status: number): boolean => status < 200;
    await this.#state.until(
      () => call.statuses.find(isProvisional),
      timeoutMs,
      'a provisional response before the CANCEL',
    );
    const sent = call.sentInvite;
    if (sent === undefined) throw new Error('no INVITE was sent');
    const cancel = cancelRequest(sent.request);
    const transaction = this.#state.client().send(cancel, sent.destination, sent.branch);
    const { status } = await this.#state.client().final(transaction, timeoutMs);
    if (status !== 200) throw new Error(`the CANCEL got ${status}`);
    return this.answered(timeoutMs);
  }

  async incomingCall(timeoutMs = CALL_TIMEOUT_MS): Promise<IncomingCall> {
    return this.#state.until(
      () => {
        const call = this.#state.call;
        if (call?.incoming === undefined || call === this.#reported) return undefined;
        this.#reported = call;
        return call.incoming;
      },
      timeoutMs,
      'a call to come in',
    );
  }

  async answer(timeoutMs = CALL_TIMEOUT_MS): Promise<void> {
    const call = this.#state.current();
    await this.#incoming.accept(call);
    await this.#state.until(() => call.acknowledged || undefined, timeoutMs, 'the ACK');
  }

  /** Sends 183 with its description, and its media from then on. */
  async sendEarly(): Promise<void> {
    const call = this.#state.current();
    const { request, reply } = call.receivedInvite ?? {};
    if (request === undefined || reply === undefined) throw new Error('nobody calls');
    const { body, headers } = await this.#incoming.answerTo(call, readSdp(request.body));
    this.#state.responses.respond(request, reply, {
      status: 183,
      reason: 'Session Progress',
      headers,
      tag: call.localTag,
      body,
    });
  }

  /** Answers, and hangs up before it has the ACK; the status of the BYE. */
  async answerAndLeave(): Promise<number> {
    const call = this.#state.current();
    await this.#incoming.accept(call);
    return this.bye();
  }

  /** Sends the ACK that `faults.holdsAck` keeps back, also after its own BYE. */
  acknowledge(): void {
    const { ack } = this.#state.current();
    if (ack === undefined) throw new Error('nothing to acknowledge');
    this.#state.faults = { ...this.#state.faults, holdsAck: false };
    this.#state.client().send(ack, this.#state.nextHop(this.#state.current()));
  }

  /** The CANCEL of the call that it began, whatever came for it already; the status of its answer. */
  async cancelLate(): Promise<number> {
    const sent = this.#state.current().sentInvite;
    if (sent === undefined) throw new Error('no INVITE was sent');
    const transaction = this.#state.client().send(cancelRequest(sent.request), sent.destination, sent.branch);
    return (await this.#state.client().final(transaction, REQUEST_TIMEOUT_MS)).status ?? 0;
  }

  /** The status of its own offer that met one of the other side (`faults.collides`). */
  async collided(timeoutMs = CALL_TIMEOUT_MS): Promise<number> {
    const own = await this.#state.until(() => this.#incoming.collision, timeoutMs, 'an offer of the other side');
    return (await own).status;
  }

  /** Waits until the answer of the other fork (`faults.answersTwice`) was acknowledged, and ended by BYE. */
  async forkEnded(timeoutMs = CALL_TIMEOUT_MS): Promise<void> {
    await this.#state.until(() => this.#incoming.fork?.isOver || undefined, timeoutMs, 'ACK and BYE to the other fork');
  }

  /** Waits until so many more packets of audio came that are no silence: 20 ms each. */
  async hearsSound(packets = 25, timeoutMs = CALL_TIMEOUT_MS): Promise<void> {
    const { stream } = this.#state.current();
    const enough = stream.sounding + packets;
    const what = `${this.#state.options.user} to hear ${packets} packets of sound`;
    await this.#state.until(() => stream.sounding >= enough || undefined, timeoutMs, what);
  }

  /** Waits for a message that it received, the whole of it as a text, since it was opened. */
  async received(pattern: RegExp, timeoutMs = CALL_TIMEOUT_MS): Promise<string> {
    const found = (): string | undefined =>
      this.#state.transcript.find((entry) => / received\]\n/.test(entry) && pattern.test(entry));
    return this.#state.until(found, timeoutMs, `${pattern} to come`);
  }

  async reject(status: number): Promise<void> {
    const call = this.#state.current();
    this.#incoming.finish(call, status, 'Rejected');
  }

  async play(sequence: NoteSequence): Promise<void> {
    await this.#state.current().stream.play(makeTones(sequence));
  }

  async pressKey(digit: string): Promise<void> {
    await this.#state.current().stream.pressKey(digit);
  }

  async hears(sequence: NoteSequence, timeoutMs = CALL_TIMEOUT_MS): Promise<ReceivedMedia> {
    const { stream } = this.#state.current();
    const deadline = performance.now() + timeoutMs;
    let media = await stream.heard();
    while (!media.notes.includes(sequence)) {
      const enough = stream.packets + PACKETS_PER_LOOK;
      const found = JSON.stringify(media);
      const remainingMs = Math.max(1, deadline - performance.now());
      const what = `${this.#state.options.user} to hear ${sequence}; heard so far ${found}`;
      await this.#state.until(() => stream.packets >= enough || undefined, remainingMs, what);
      media = await stream.heard();
    }
    return media;
  }

  heard(): Promise<ReceivedMedia> {
    return this.#state.current().stream.heard();
  }

  async receivesKey(digit: string, timeoutMs = CALL_TIMEOUT_MS): Promise<DtmfEvent> {
    const { stream } = this.#state.current();
    return this.#state.until(() => stream.keyPress(digit), timeoutMs, `the key ${digit}`);
  }

  async bye(): Promise<number> {
    const call = this.#state.current();
    if (call.state !== 'established') throw new Error(`there is no call to end: it is ${call.state}`);
    call.endedBy = 'us';
    const sent = this.#state.client().send(dialogRequest(call, 'BYE'), this.#state.nextHop(call));
    const { status = 0 } = await this.#state.client().final(sent, REQUEST_TIMEOUT_MS);
    this.#state.end(call);
    return status;
  }

  /** Its call, for Replaces of another one: as this phone sees it. */
  get dialog(): DialogNames {
    const { callId, localTag, remoteHeader, sentInvite } = this.#state.current();
    const early = sentInvite?.responses.flatMap((response) => parameterOf(headerValue(response, 'to'), 'tag') ?? []);
    return { callId, localTag, remoteTag: parameterOf(remoteHeader, 'tag') ?? early?.at(-1) ?? '' };
  }

  async dialogNames(): Promise<DialogNames> {
    return this.dialog;
  }

  /** Contact of the answer to its INVITE. */
  get answerContact(): string {
    const answer = this.#state.current().sentInvite?.responses.find(({ status = 0 }) => status >= 200 && status < 300);
    return answer === undefined ? '' : headerValue(answer, 'contact');
  }

  /** Sends a request of its own outside of any call, with credentials where they are asked for; the final response. */
  async send(method: string, uri: string, headers: SipMessage['headers'] = [], body = ''): Promise<SipMessage> {
    const { requests, identity } = this.#state.open();
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
    return this.#state.until(() => this.#events.find(fits), timeoutMs, what);
  }

  offerAgain(direction: MediaDirection, changes?: OfferChanges): Promise<OfferOutcome> {
    return this.#outgoing.offerAgain(direction, changes);
  }

  /** The media of its call, for what goes wrong with them. */
  get stream(): Pick<RtpStream, 'sendsUnderFormerKey' | 'sendsNothing'> {
    return this.#state.current().stream;
  }

  /** It is reached by SIP no more, and reaches nobody; its media go on. */
  async loseConnection(): Promise<void> {
    await this.#state.open().socket.close();
  }

  /** Address and port of its media. */
  get media(): string {
    return `${this.#state.options.localAddress} ${this.#state.current().stream.port}`;
  }

  /** Refers the other side of its call to somebody (RFC 3515); the status of the answer. */
  async refer(referTo: string, more: NonNullable<InviteOptions['headers']> = []): Promise<number> {
    const call = this.#state.current();
    const request = dialogRequest(call, 'REFER');
    const headers: SipMessage['headers'] = [
      ...request.headers,
      ['Contact', `<${this.contactUri}>`],
      ['Refer-To', referTo],
      ...more,
    ];
    const sent = this.#state.client().send({ ...request, headers }, this.#state.nextHop(call));
    return (await this.#state.client().final(sent, REQUEST_TIMEOUT_MS)).status ?? 0;
  }

  /** Waits until NOTIFYs have told this status of a REFER so often; all that were told so far. */
  async notified(status: number, timeoutMs = CALL_TIMEOUT_MS, times = 1): Promise<readonly number[]> {
    const told = (): readonly number[] => this.#notified.map((line) => Number(line.split(' ')[1]));
    const isTold = (): boolean => told().filter((each) => each === status).length >= times;
    await this.#state.until(() => isTold() || undefined, timeoutMs, `a NOTIFY of ${status}`);
    return told();
  }

  async ended(timeoutMs = CALL_TIMEOUT_MS): Promise<void> {
    const call = this.#state.current();
    await this.#state.until(() => call.state === 'ended' || undefined, timeoutMs, 'the other side to end the call');
    if (call.endedBy !== 'them') throw new Error('the call was ended by this phone');
  }

  async transcript(): Promise<string> {
    return this.#state.transcript.join('\n');
  }

  async close(): Promise<void> {
    this.#state.call?.stream.close();
    this.#state.responses.close();
    const line = this.#state.line;
    this.#state.line = undefined;
    this.#state.changes.close();
    line?.requests.close();
    await line?.socket.close();
  }

  // What comes in.

  #receive(message: SipMessage, reply: Reply): void {
    this.#state.log('received', formatSip(message));
    if (message.status !== undefined) this.#outgoing.receive(message, message.status);
    else this.#receiveRequest(message, reply);
    this.#state.changes.notify();
  }

  /** Of its call, or one more call. */
  #isForSecondLine(request: SipMessage): boolean {
    const isBusy = this.#state.call !== undefined && this.#state.call.state !== 'ended';
    const other = this.secondLine === undefined ? undefined : this.secondLine.#state.call;
    return other?.callId === headerValue(request, 'call-id') || (isBusy && request.method === 'INVITE');
  }

  #receiveRequest(request: SipMessage, reply: Reply): void {
    const { method = '' } = request;
    if (this.#state.responses.answerAgain(request, reply)) return;
    const call = this.#state.call;
    const ours = call !== undefined && call.callId === headerValue(request, 'call-id');
    if (this.secondLine !== undefined && !ours && this.#isForSecondLine(request)) {
      this.secondLine.#receive(request, reply);
      return;
    }
    if (this.#incoming.fork?.receive(request, reply) === true) return;
    if (method === 'ACK') {
      if (ours) call.acknowledged = true;
    } else if (method === 'MESSAGE') {
      this.#state.responses.respond(request, reply, { status: 200, reason: 'OK' });
    } else if (method === 'OPTIONS') {
      this.#state.responses.respond(request, reply, { status: 200, reason: 'OK', headers: [['Allow', ALLOW]] });
    } else if (method === 'REGISTER' && this.#state.options.isRegistrar === true) {
      const headers = ['contact', 'expires'].map((name) => [name, headerValue(request, name)] as const);
      this.#state.responses.respond(request, reply, { status: 200, reason: 'OK', headers });
    } else if (method === 'NOTIFY' && ours) {
      const event = headerValue(request, 'event');
      if (event === 'talk' || event === 'hold') {
        const isKnown = this.#state.options.events?.includes(event) === true;
        const answer = isKnown ? { status: 200, reason: 'OK' } : { status: 489, reason: 'Bad Event' };
        this.#state.responses.respond(request, reply, answer);
        if (isKnown) void this.#obey(call, event);
        return;
      }
      this.#state.responses.respond(request, reply, { status: 200, reason: 'OK' });
      this.#notified.push(request.body.split('\r\n', 1)[0] ?? '');
    } else if (method === 'NOTIFY' && this.#state.options.takesEvents === true) {
      this.#state.responses.respond(request, reply, { status: 200, reason: 'OK' });
      this.#events.push(request);
    } else if (method === 'INVITE') {
      this.#incoming.receive(request, reply);
    } else if (method === 'REFER' && !ours && this.#state.options.refer !== undefined) {
      this.referred.receive(request, reply);
    } else if (!ours) {
      this.#state.responses.respond(request, reply, { status: 481, reason: 'Call Does Not Exist' });
    } else if (method === 'UPDATE' && this.#state.options.takesUpdate === true) {
      this.#state.responses.respond(request, reply, {
        status: 200,
        reason: 'OK',
        headers: [['Contact', `<${this.contactUri}>`]],
      });
    } else if (method === 'CANCEL') {
      this.#state.responses.respond(request, reply, { status: 200, reason: 'OK' });
      if (call.state !== 'ringing') return;
      if (this.#state.faults.answersCancel === true) {
        void this.#incoming.accept(call);
        return;
      }
      call.endedBy = 'them';
      this.#incoming.finish(call, 487, 'Request Terminated');
    } else if (method === 'BYE') {
      this.#state.responses.respond(request, reply, { status: 200, reason: 'OK' });
      call.endedBy ??= 'them';
      this.#state.end(call);
    } else {
      this.#state.responses.respond(request, reply, { status: 501, reason: 'Not Implemented' });
    }
  }

  /** As if its user had pressed the key. */
  async #obey(call: PhoneCall, event: 'talk' | 'hold'): Promise<void> {
    if (call.state === 'ringing') await this.#incoming.accept(call);
    else await this.offerAgain(event === 'hold' ? 'sendonly' : 'sendrecv');
  }
}

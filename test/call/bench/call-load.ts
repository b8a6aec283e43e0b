import { createHash } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

/** What becomes of a call: answered and hung up at once, given up while it rings, or refused by the device. */
export type Fate = 'answered' | 'cancelled' | 'busy';

export interface LoadTarget {
  readonly port: number;
  readonly users: readonly string[];
  readonly passwordOf: (user: string) => string;
}

export interface LoadCall {
  readonly from: string;
  readonly to: string;
  readonly fate: Fate;
  /** An answered one stays up until `hangUp`, one to be cancelled rings until `giveUp`. */
  readonly stays?: boolean;
}

/** How calls ended: `failed` counts those that went otherwise than they should. */
export interface LoadResult {
  readonly done: number;
  readonly failed: number;
  /** Why the last one failed. */
  readonly lastFailure: string;
}

const ADDRESS = '127.0.0.1';
/** An answer that takes longer will not come. */
const GIVE_UP_MS = 20_000;
const RECEIVE_BUFFER_BYTES = 4_000_000;
const REGISTRATIONS_AT_ONCE = 16;
/** How often a run at a pace looks whether a call is due. */
const PACE_MS = 10;
const SDP = [
  'v=0',
  'o=load 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 9 RTP/AVP 8',
  'a=rtpmap:8 PCMA/8000',
  '',
].join('\r\n');

interface RunningCall extends LoadCall {
  readonly id: string;
  readonly beganMs: number;
  readonly onOver: (failure: string | undefined) => void;
  branch: string;
  authorization: string;
  cSeq: number;
  /** Of the answer: the To, the remote target and the route set, once it is there. */
  to200: string;
  target: string;
  routes: string;
  isCancelled: boolean;
}

/**
 * Phones without number over UDP that do no more than they must, so that one process is a whole office: one socket places all
 * calls and another one, from which all users register, takes them. Nothing is sent again but an ACK.
 */
export class CallLoad {
  readonly #target: LoadTarget;
  readonly #callers: Socket;
  readonly #callees: Socket;
  readonly #calls = new Map<string, RunningCall>();
  readonly #registering = new Map<string, (message: string) => void>();
  readonly #sweep: NodeJS.Timeout;
  #placed = 0;
  /** Called for each INVITE that a device gets. */
  onInvited: (message: string) => void = () => undefined;
  /** What a device does with it; a busy one refuses. */
  fateOf: (message: string) => Fate = () => 'answered';

  private constructor(target: LoadTarget, callers: Socket, callees: Socket) {
    this.#target = target;
    this.#callers = callers;
    this.#callees = callees;
    callers.on('message', (data) => this.#toCaller(data.toString('latin1')));
    callees.on('message', (data) => this.#toCallee(data.toString('latin1')));
    this.#sweep = setInterval(() => this.#sweepOut(), 1000);
  }

  static async start(target: LoadTarget): Promise<CallLoad> {
    const sockets = await Promise.all(
      [0, 1].map(async () => {
        const socket = createSocket('udp4');
        socket.bind(0, ADDRESS);
        await once(socket, 'listening');
        socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
        return socket;
      }),
    );
    const [callers, callees] = sockets as [Socket, Socket];
    return new CallLoad(target, callers, callees);
  }

  get running(): number {
    return this.#calls.size;
  }

  /** Registers every user from the socket of the devices. */
  async register(): Promise<void> {
    const waiting = [...this.#target.users];
    const work = async (): Promise<void> => {
      for (let user = waiting.pop(); user !== undefined; user = waiting.pop()) await this.#register(user);
    };
    await Promise.all(Array.from({ length: REGISTRATIONS_AT_ONCE }, work));
  }

  /**
   * Places so many calls, so many of them under way at once. `next` says which; no more after `until`, of performance.now(), and
   * no more than `perSecond` on the average.
   */
  async run(
    count: number,
    window: number,
    next: (index: number) => LoadCall,
    until = Number.POSITIVE_INFINITY,
    perSecond = Number.POSITIVE_INFINITY,
  ) {
    const beganMs = performance.now();
    const isDue = (index: number): boolean => {
      const now = performance.now();
      return now < until && index * 1000 <= (now - beganMs) * perSecond;
    };
    let pace: NodeJS.Timeout | undefined;
    let [begun, done, failed] = [0, 0, 0];
    let lastFailure = '';
    await new Promise<void>((resolve) => {
      const begin = (): void => {
        while (begun < count && begun - done - failed < window && isDue(begun)) {
          this.place(next(begun), (failure) => {
            if (failure === undefined) done += 1;
            else failed += 1;
            lastFailure = failure ?? lastFailure;
            begin();
          });
          begun += 1;
        }
        if (begun === done + failed && (begun === count || performance.now() >= until)) resolve();
      };
      if (Number.isFinite(perSecond)) pace = setInterval(begin, PACE_MS);
      begin();
    });
    clearInterval(pace);
    return { done, failed, lastFailure } satisfies LoadResult;
  }

  /** Places a call; `onOver` is told why it failed. For one that stays it is called once that is up. Its Call-ID. */
  place(call: LoadCall, onOver: (failure: string | undefined) => void): string {
    this.#placed += 1;
    const id = `${this.#placed}-${process.pid}@load`;
    const running: RunningCall = {
      ...call,
      ...{ id, onOver, beganMs: performance.now(), branch: '', authorization: '', cSeq: 1 },
      ...{ to200: '', target: '', routes: '', isCancelled: false },
    };
    this.#calls.set(id, running);
    this.#invite(running);
    return id;
  }

  /** Hangs up one that stays. Resolves with why that failed. */
  hangUp(id: string): Promise<string | undefined> {
    const call = this.#calls.get(id);
    if (call === undefined) return Promise.resolve('it is gone');
    return new Promise((resolve) => {
      this.#calls.set(id, { ...call, stays: false, beganMs: performance.now(), onOver: resolve });
      this.#bye(this.#calls.get(id) ?? call);
    });
  }

  /** Cancels one that rings. */
  giveUp(id: string): void {
    const call = this.#calls.get(id);
    if (call !== undefined) this.#cancel(call);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep);
    for (const socket of [this.#callers, this.#callees]) {
      socket.close();
      await once(socket, 'close');
    }
  }

  #sweepOut(): void {
    const limit = performance.now() - GIVE_UP_MS;
    for (const call of [...this.#calls.values()]) {
      if (call.beganMs < limit && !(call.stays === true && call.to200 !== '')) this.#over(call, 'no answer');
    }
  }

  #over(call: RunningCall, failure: string | undefined): void {
    if (this.#calls.delete(call.id)) call.onOver(failure);
  }

  #cancel(call: RunningCall): void {
    if (call.isCancelled) return;
    call.isCancelled = true;
    this.#sendFromCaller(this.#request(call, 'CANCEL', `sip:${call.to}@${ADDRESS}`, ''));
  }

  #sendFromCaller(text: string): void {
    this.#callers.send(Buffer.from(text, 'latin1'), this.#target.port, ADDRESS);
  }

  #request(call: RunningCall, method: string, uri: string, more: string, body = ''): string {
    const { port } = this.#callers.address();
    const to = call.to200 === '' ? `<sip:${call.to}@${ADDRESS}>` : call.to200;
    return `${method} ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP ${ADDRESS}:${port};branch=${call.branch}\r\nMax-Forwards: 70\r\nFrom: <sip:${call.from}@${ADDRESS}>;tag=${call.id.slice(0, -5)}\r\nTo: ${to}\r\nCall-ID: ${call.id}\r\nCSeq: ${call.cSeq} ${method}\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
  }

  #invite(call: RunningCall): void {
    call.branch = `z9hG4bK-${call.id.slice(0, -5)}-${call.cSeq}`;
    const { port } = this.#callers.address();
    const more = `Contact: <sip:${call.from}@${ADDRESS}:${port}>\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n${call.authorization}Content-Type: application/sdp\r\n`;
    this.#sendFromCaller(this.#request(call, 'INVITE', `sip:${call.to}@${ADDRESS}`, more, SDP));
  }

  /** Of a refusal: in the transaction of the INVITE (RFC 3261 §17.1.1.3). */
  #acknowledgeRefusal(call: RunningCall, message: string): void {
    const asked = this.#request(call, 'ACK', `sip:${call.to}@${ADDRESS}`, '');
    this.#sendFromCaller(asked.replace(/^To: .*$/m, `To: ${fieldOf(message, 'To')}`));
  }

  #acknowledge(call: RunningCall): void {
    call.branch = `z9hG4bK-${call.id.slice(0, -5)}-a`;
    this.#sendFromCaller(this.#request(call, 'ACK', call.target, call.routes));
  }

  #bye(call: RunningCall): void {
    call.cSeq += 1;
    call.branch = `z9hG4bK-${call.id.slice(0, -5)}-b`;
    this.#sendFromCaller(this.#request(call, 'BYE', call.target, call.routes));
  }

  #toCaller(message: string): void {
    const call = this.#calls.get(fieldOf(message, 'Call-ID'));
    if (!message.startsWith('SIP/2.0 ')) {
      this.#callers.send(response(message, '200 OK'), this.#target.port, ADDRESS);
      return;
    }
    if (call === undefined) return;
    const status = Number(message.slice(8, 11));
    const [cSeq, method] = fieldOf(message, 'CSeq').split(' ');
    if (method === 'BYE') this.#over(call, status === 200 ? undefined : `${status} to BYE`);
    else if (method === 'INVITE' && status >= 200) this.#answered(call, status, Number(cSeq), message);
    else if (method === 'INVITE' && status === 180 && call.fate === 'cancelled' && call.stays !== true) {
      this.#cancel(call);
    }
  }

  #answered(call: RunningCall, status: number, cSeq: number, message: string): void {
    if (status === 401 || status === 407) {
      if (cSeq !== call.cSeq) return;
      this.#acknowledgeRefusal(call, message);
      if (call.authorization !== '') {
        this.#over(call, `${status} to the password`);
        return;
      }
      call.authorization = this.#authorization(message, call.from, 'INVITE', `sip:${call.to}@${ADDRESS}`);
      call.cSeq += 1;
      this.#invite(call);
      return;
    }
    if (status >= 300) {
      this.#acknowledgeRefusal(call, message);
      const isExpected = status === { answered: 0, cancelled: 487, busy: 486 }[call.fate];
      this.#over(call, isExpected ? undefined : `${status} instead of ${call.fate}`);
      return;
    }
    if (call.to200 !== '') {
      // Sent again, since our ACK was late.
      const { branch, cSeq: latest } = call;
      call.cSeq = cSeq;
      this.#acknowledge(call);
      call.branch = branch;
      call.cSeq = latest;
      return;
    }
    call.to200 = fieldOf(message, 'To');
    call.target = /<([^>]*)>/.exec(fieldOf(message, 'Contact'))?.[1] ?? '';
    call.routes = fieldsOf(message, 'Record-Route')
      .reverse()
      .map((route) => `Route: ${route}\r\n`)
      .join('');
    this.#acknowledge(call);
    if (call.stays === true) call.onOver(call.fate === 'answered' ? undefined : 'answered');
    else this.#bye(call);
  }

  #toCallee(message: string): void {
    const reply = (text: string | Buffer): void => this.#callees.send(text, this.#target.port, ADDRESS);
    const method = message.slice(0, message.indexOf(' '));
    if (method === 'SIP/2.0') this.#registering.get(fieldOf(message, 'Call-ID'))?.(message);
    else if (method === 'BYE') reply(response(message, '200 OK'));
    else if (method === 'CANCEL') {
      reply(response(message, '200 OK'));
      reply(response(message.replace(/^(CSeq: \d+) CANCEL/m, '$1 INVITE'), '487 Request Terminated'));
    } else if (method === 'INVITE') {
      this.onInvited(message);
      const fate = this.fateOf(message);
      const { port } = this.#callees.address();
      const contact = `Contact: <sip:load@${ADDRESS}:${port}>\r\n`;
      if (fate === 'busy') {
        reply(response(message, '486 Busy Here'));
        return;
      }
      reply(response(message, '180 Ringing', contact));
      if (fate === 'answered') reply(response(message, '200 OK', `${contact}Content-Type: application/sdp\r\n`, SDP));
    }
  }

  async #register(user: string): Promise<void> {
    const id = `register-${user}-${process.pid}@load`;
    const { port } = this.#callees.address();
    let authorization = '';
    for (let cSeq = 1; cSeq <= 3; cSeq += 1) {
      const answer = await new Promise<string>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`REGISTER of ${user} is not answered`)), GIVE_UP_MS);
        this.#registering.set(id, (message) => {
          clearTimeout(timer);
          resolve(message);
        });
        const text = `REGISTER sip:${ADDRESS} SIP/2.0\r\nVia: SIP/2.0/UDP ${ADDRESS}:${port};branch=z9hG4bK-r${user}-${cSeq}\r\nMax-Forwards: 70\r\nFrom: <sip:${user}@${ADDRESS}>;tag=r${user}\r\nTo: <sip:${user}@${ADDRESS}>\r\nCall-ID: ${id}\r\nCSeq: ${cSeq} REGISTER\r\nContact: <sip:${user}@${ADDRESS}:${port}>;expires=3600\r\n${authorization}Content-Length: 0\r\n\r\n`;
        this.#callees.send(text, this.#target.port, ADDRESS);
      });
      const status = answer.slice(8, 11);
      if (status === '200') break;
      if (status !== '401' || cSeq === 3) throw new Error(`${user} is not registered: ${status}`);
      authorization = this.#authorization(answer, user, 'REGISTER', `sip:${ADDRESS}`);
    }
    this.#registering.delete(id);
  }

  /** Always MD5, which every server here offers. */
  #authorization(message: string, user: string, method: string, uri: string): string {
    const isProxy = message.startsWith('SIP/2.0 407');
    const challenges = fieldsOf(message, isProxy ? 'Proxy-Authenticate' : 'WWW-Authenticate');
    const challenge = challenges.find((each) => !/algorithm="?SHA/i.test(each)) ?? '';
    const parameter = (name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(challenge)?.[1] ?? '';
    const [realm, nonce, opaque] = [parameter('realm'), parameter('nonce'), parameter('opaque')];
    const ha1 = md5(`${user}:${realm}:${this.#target.passwordOf(user)}`);
    const proof = md5(`${ha1}:${nonce}:00000001:c:auth:${md5(`${method}:${uri}`)}`);
    const isWithQop = challenge.includes('qop');
    const response = isWithQop ? proof : md5(`${ha1}:${nonce}:${md5(`${method}:${uri}`)}`);
    return `${isProxy ? 'Proxy-' : ''}Authorization: Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}", algorithm=MD5${isWithQop ? ', qop=auth, nc=00000001, cnonce="c"' : ''}${opaque === '' ? '' : `, opaque="${opaque}"`}\r\n`;
  }
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex');
}

function fieldOf(message: string, name: string): string {
  const at = message.indexOf(`\r\n${name}: `);
  if (at === -1) return '';
  const from = at + name.length + 4;
  return message.slice(from, message.indexOf('\r\n', from));
}

function fieldsOf(message: string, name: string): string[] {
  return [...message.matchAll(new RegExp(`^${name}: (.*?)\\r$`, 'gm'))].map(([, value = '']) => value);
}

/** The tag is made of the Call-ID, so that an answer that is sent again is the same. */
function response(message: string, status: string, more = '', body = ''): Buffer {
  const copied = message
    .slice(0, message.indexOf('\r\n\r\n'))
    .split('\r\n')
    .filter((line) => /^(?:Via|Record-Route|From|Call-ID|CSeq): /.test(line))
    .join('\r\n');
  const to = fieldOf(message, 'To');
  const tagged = to.includes(';tag=') ? to : `${to};tag=${md5(fieldOf(message, 'Call-ID')).slice(0, 8)}`;
  return Buffer.from(
    `SIP/2.0 ${status}\r\n${copied}\r\nTo: ${tagged}\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`,
    'latin1',
  );
}

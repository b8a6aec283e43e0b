import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { decodePayloads } from '../decode.ts';
import { type Codec, encodePayloads, PAYLOAD_BYTES, SAMPLES_PER_PAYLOAD, TICKS_PER_MS } from '../encode.ts';
import { SrtpPeer } from '../srtp-peer.ts';
import { heardNotes, keyTones, type NoteSequence } from '../tones.ts';
import type { Changes } from './changes.ts';
import { SUITE } from './phone-sdp.ts';

export interface DtmfEvent {
  readonly digit: string;
  /** As its last packet says. */
  readonly durationMs: number;
  /** How many packets had the end bit. */
  readonly endPackets: number;
  readonly packets: number;
}

export interface ReceivedMedia {
  readonly notes: NoteSequence;
  readonly packets: number;
  /** Sequence numbers that never came. */
  readonly lost: number;
  /** Datagrams that were no RTP, or whose payload had a wrong size. */
  readonly malformed: number;
  readonly payloadTypes: readonly number[];
  /** How many packets said that nothing is said: comfort noise, and descriptors of G.729 Annex B. */
  readonly silences: number;
  readonly ssrcs: number;
  readonly keys: readonly DtmfEvent[];
  /** Address and port that the packets came from. */
  readonly sources: readonly string[];
  /** That of the latest packet. */
  readonly latestSource: string | undefined;
}

export interface MediaTarget {
  readonly address: string;
  readonly port: number;
  readonly codec: Codec;
  /** What the other side wants to receive audio and events under. */
  readonly payloadType: number;
  readonly telephoneEvent?: number | undefined;
  /** What the phone announced for its own side. */
  readonly localPayloadType: number;
  readonly localTelephoneEvent?: number | undefined;
  /** Payload type, where both sides have it: pauses are sent as such. */
  readonly comfortNoise?: number | undefined;
  /** Whether both sides' G.729 has Annex B. */
  readonly annexB?: boolean;
  /** The master keys of SRTP, where that was agreed on. */
  readonly srtp?: { readonly sent: string; readonly received: string };
}

const PACKET_MS = 20;
/** Ten minutes of one stream: enough for any test, and no more memory than that. */
const MAX_PACKETS = 30_000;
/** A low noise in two bytes (RFC 3551 §4.5.6), and one of -60 dBov (RFC 3389 §3.1). */
const SILENCE_DESCRIPTOR = Buffer.from([0x10, 0x08]);
const COMFORT_NOISE = Buffer.from([60]);
/** Between two of them: one that comes late, or not at all, is followed by another. */
const SILENCE_PACKETS = 10;
/** Audio of fewer different bytes than that is silence, or the idle noise of a codec. */
const SOUNDING_BYTES = 8;
const KEYS = '0123456789*#ABCD';
const KEY_PACKETS = 8;
/** The last packet of a key is sent so often (RFC 4733 §2.5.1.4). */
const KEY_ENDS = 3;
const KEY_TICKS_PER_MS = 8;
const SILENCE: Readonly<Record<Codec, Buffer | undefined>> = {
  PCMA: Buffer.alloc(SAMPLES_PER_PAYLOAD, 0xd5),
  PCMU: Buffer.alloc(SAMPLES_PER_PAYLOAD, 0xff),
  G729: undefined,
  G722: undefined,
  G726: undefined,
  OPUS: undefined,
};

interface QueuedPacket {
  readonly payload: Buffer;
  /** Of a key press: how far into it this packet is, in packets. */
  readonly keyOffset?: number;
  readonly sent?: () => void;
}

interface ReceivedPacket {
  readonly order: number;
  readonly payloadType: number;
  readonly payload: Buffer;
}

/**
 * One RTP stream each way. From start() on it sends a packet every 20 ms, silence where nothing is queued, as a
 * phone does; it keeps what arrives.
 */
export class RtpStream {
  readonly port: number;
  /** Whether SRTP may be agreed on. */
  takesKeys = false;
  readonly #rtp: Socket;
  readonly #rtcp: Socket;
  readonly #changes: Changes;
  #target: MediaTarget | undefined;
  #silence: Buffer = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;
  #srtp: { readonly sent: KeyInUse; readonly received: KeyInUse } | undefined;
  #formerSent: SrtpPeer | undefined;
  /** It sends under the key of SRTP that it had before the one in use. */
  sendsUnderFormerKey = false;
  /** Its packets end here; what it plays passes as if they did not. */
  sendsNothing = false;
  #closed = false;
  /** Ticks of the present pause. */
  #paused = 0;

  readonly #queue: QueuedPacket[] = [];
  readonly #ssrc = randomBytes(4).readUInt32BE();
  #sequenceNumber = randomBytes(2).readUInt16BE();
  #timestamp = randomBytes(4).readUInt32BE();
  #keyTimestamp = 0;
  #nextAtMs = 0;

  readonly #received: ReceivedPacket[] = [];
  readonly #orders = new Set<number>();
  readonly #ssrcs = new Set<number>();
  readonly #sources = new Set<string>();
  readonly #keys = new Map<number, DtmfEvent>();
  readonly #keysOver = new WeakSet<DtmfEvent>();
  #latestSource: string | undefined;
  #lastSsrc: number | undefined;
  #lastOrder = 0;
  #malformed = 0;
  #sounding = 0;

  private constructor(rtp: Socket, rtcp: Socket, changes: Changes) {
    this.#rtp = rtp;
    this.#rtcp = rtcp;
    this.#changes = changes;
    this.port = rtp.address().port;
    for (const socket of [rtp, rtcp]) socket.on('error', () => undefined);
    rtp.on('message', (data, from) => this.#receive(data, `${from.address} ${from.port}`));
  }

  /** Takes a free even port and the next one on `address`. */
  static async open(address: string, changes: Changes): Promise<RtpStream> {
    for (let attempt = 0; attempt < 50; attempt += 1) {
      const rtp = await bind(address, 0);
      if (rtp === undefined) continue;
      const rtcp = rtp.address().port % 2 === 0 ? await bind(address, rtp.address().port + 1) : undefined;
      if (rtcp !== undefined) return new RtpStream(rtp, rtcp, changes);
      rtp.close();
    }
    throw new Error(`no pair of free RTP ports on ${address}`);
  }

  get packets(): number {
    return this.#received.length;
  }

  /** Packets of audio that are no silence; of codecs with a byte for each sample. */
  get sounding(): number {
    return this.#sounding;
  }

  /** Begins to send, or sends elsewhere from now on. */
  async start(target: MediaTarget): Promise<void> {
    const silence = SILENCE[target.codec] ?? (await encodePayloads(new Int16Array(1600), target.codec)).at(-1);
    if (this.#closed || silence === undefined) return;
    this.#silence = silence;
    this.#target = target;
    this.#takeKeys(target.srtp);
    if (this.#timer !== undefined) return;
    this.#nextAtMs = performance.now();
    this.#tick();
  }

  #takeKeys(srtp: MediaTarget['srtp']): void {
    if (srtp === undefined) {
      this.#srtp = undefined;
      return;
    }
    const former = this.#srtp;
    const sent = keyInUse(srtp.sent, former?.sent);
    if (sent !== former?.sent) this.#formerSent = former?.sent.peer;
    this.#srtp = { sent, received: keyInUse(srtp.received, former?.received) };
  }

  async play(samples: Int16Array): Promise<void> {
    const codec = this.#target?.codec;
    if (codec === undefined) throw new Error('there is no call to play into');
    const payloads = await encodePayloads(samples, codec);
    await this.#enqueue(payloads.map((payload) => ({ payload })));
  }

  /** 160 ms of a key: seven updates, then the end three times (RFC 4733 §2.5.1.4); or its tones. */
  async pressKey(digit: string): Promise<void> {
    const event = KEYS.indexOf(digit);
    if (event < 0 || digit.length !== 1) throw new Error(`${digit} is no key`);
    if (this.#target?.telephoneEvent === undefined) return this.play(keyTones(digit));
    const packets = Array.from({ length: KEY_PACKETS + KEY_ENDS - 1 }, (_, keyOffset) => {
      const payload = Buffer.from([event, 10, 0, 0]);
      if (keyOffset >= KEY_PACKETS - 1) payload[1] = 0x80 | 10;
      payload.writeUInt16BE(Math.min(keyOffset + 1, KEY_PACKETS) * SAMPLES_PER_PAYLOAD, 2);
      return { payload, keyOffset };
    });
    await this.#enqueue(packets);
  }

  /** The last press of this key that is over: its end has come, and audio again after it. */
  keyPress(digit: string): DtmfEvent | undefined {
    return [...this.#keys.values()].findLast((key) => key.digit === digit && this.#keysOver.has(key));
  }

  async heard(): Promise<ReceivedMedia> {
    const sorted = this.#received.toSorted((left, right) => left.order - right.order);
    const audio = sorted.filter(({ payloadType }) => payloadType === this.#target?.localPayloadType);
    const codec = this.#target?.codec;
    const samples =
      codec === undefined
        ? new Int16Array(0)
        : await decodePayloads(
            // What follows whole frames of G.729 is a silence descriptor, which the decoder does not know.
            audio.map(({ payload }) => (isDescriptor(payload.length, codec) ? payload.subarray(0, -2) : payload)),
            codec,
          );
    return {
      notes: heardNotes(samples),
      packets: sorted.length,
      lost: lostBetween(sorted),
      malformed: this.#malformed,
      silences: sorted.filter(({ payloadType, payload }) => {
        const { comfortNoise, localPayloadType } = this.#target ?? {};
        if (payloadType === comfortNoise) return true;
        return codec !== undefined && payloadType === localPayloadType && isDescriptor(payload.length, codec);
      }).length,
      payloadTypes: [...new Set(sorted.map(({ payloadType }) => payloadType))],
      ssrcs: this.#ssrcs.size,
      keys: [...this.#keys.values()],
      sources: [...this.#sources],
      latestSource: this.#latestSource,
    };
  }

  /** Stops sending and frees both ports; what was received stays. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#rtp.close();
    this.#rtcp.close();
    for (const { sent } of this.#queue.splice(0)) sent?.();
  }

  #enqueue(packets: readonly QueuedPacket[]): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed || packets.length === 0) return resolve();
      for (const [index, packet] of packets.entries()) {
        this.#queue.push(index === packets.length - 1 ? { ...packet, sent: resolve } : packet);
      }
    });
  }

  #tick(): void {
    const target = this.#target;
    if (this.#closed || target === undefined) return;
    const next = this.#queue.shift();
    const wasPausing = this.#paused > 0;
    this.#paused = next === undefined && silenceOf(target) !== undefined ? this.#paused + 1 : 0;
    if (this.#paused > 0) {
      if (this.#paused % SILENCE_PACKETS === 1) this.#sendSilence(target);
    } else if (next?.keyOffset === undefined) {
      this.#send(target, target.payloadType, this.#timestamp, wasPausing, next?.payload ?? this.#silence);
    } else if (target.telephoneEvent !== undefined) {
      if (next.keyOffset === 0) this.#keyTimestamp = this.#timestamp;
      this.#send(target, target.telephoneEvent, this.#keyTimestamp, next.keyOffset === 0, next.payload);
    }
    next?.sent?.();
    this.#timestamp = (this.#timestamp + PACKET_MS * TICKS_PER_MS[target.codec]) >>> 0;
    this.#nextAtMs += PACKET_MS;
    const now = performance.now();
    // After a long pause of the machine go on from now, rather than flood the other side.
    if (now - this.#nextAtMs > 10 * PACKET_MS) this.#nextAtMs = now;
    this.#timer = setTimeout(() => this.#tick(), Math.max(0, this.#nextAtMs - now));
  }

  #sendSilence(target: MediaTarget): void {
    const silence = silenceOf(target);
    if (silence !== undefined) this.#send(target, silence.payloadType, this.#timestamp, false, silence.payload);
  }

  #send(target: MediaTarget, payloadType: number, timestamp: number, marker: boolean, payload: Buffer): void {
    const header = Buffer.alloc(12);
    header[0] = 0x80;
    header[1] = (marker ? 0x80 : 0) | payloadType;
    header.writeUInt16BE(this.#sequenceNumber, 2);
    header.writeUInt32BE(timestamp, 4);
    header.writeUInt32BE(this.#ssrc, 8);
    this.#sequenceNumber = (this.#sequenceNumber + 1) & 0xffff;
    if (this.sendsNothing) return;
    const packet = Buffer.concat([header, payload]);
    const peer = this.sendsUnderFormerKey ? this.#formerSent : this.#srtp?.sent.peer;
    this.#rtp.send(peer?.protect(packet) ?? packet, target.port, target.address);
  }

  #receive(data: Buffer, source: string): void {
    // What comes before the keys cannot be read.
    if (this.takesKeys && this.#target === undefined) return;
    const clear = this.#srtp === undefined ? data : this.#srtp.received.peer.unprotect(data);
    const packet = clear === undefined ? undefined : parseRtp(clear);
    const expected = this.#target;
    const isAudio = packet?.payloadType === expected?.localPayloadType;
    const sizeFits = !isAudio || expected === undefined || isWhole(packet?.payload.length ?? 0, expected);
    if (packet === undefined || !sizeFits) {
      this.#malformed += 1;
      return;
    }
    this.#latestSource = source;
    if (this.#sources.size < 16) this.#sources.add(source);
    if (this.#ssrcs.size < 64) this.#ssrcs.add(packet.ssrc);
    const order = this.#orderOf(packet.ssrc, packet.sequenceNumber);
    if (this.#orders.has(order) || this.#received.length >= MAX_PACKETS) return;
    this.#orders.add(order);
    this.#received.push({ order, payloadType: packet.payloadType, payload: Buffer.from(packet.payload) });
    if (expected !== undefined && packet.payloadType === expected.localTelephoneEvent) this.#receiveKey(packet);
    if (isAudio && new Set(packet.payload).size >= SOUNDING_BYTES) this.#sounding += 1;
    if (isAudio && expected !== undefined) this.#endKeys(packet.timestamp, TICKS_PER_MS[expected.codec]);
    this.#changes.notify();
  }

  /** The sequence number without its wrap-around; a new SSRC goes on far behind the old one. */
  #orderOf(ssrc: number, sequenceNumber: number): number {
    if (ssrc !== this.#lastSsrc) {
      const epoch = this.#lastSsrc === undefined ? 1 : Math.floor(this.#lastOrder / 2 ** 32) + 1;
      this.#lastSsrc = ssrc;
      this.#lastOrder = epoch * 2 ** 32 + 2 ** 16 + sequenceNumber;
      return this.#lastOrder;
    }
    const step = ((sequenceNumber - (this.#lastOrder % 2 ** 16) + 98_304) % 65_536) - 32_768;
    const order = this.#lastOrder + step;
    if (step > 0) this.#lastOrder = order;
    return order;
  }

  /**
   * By what is said after their last packets. What was said before may have waited in a jitter buffer, and what stands for a late packet
   * of a key may be heard in its place: both come between the last packets.
   */
  #endKeys(saidAt: number, ticksPerMs: number): void {
    for (const [pressedAt, key] of this.#keys) {
      const since = (saidAt - pressedAt) | 0;
      const told = key.durationMs * KEY_TICKS_PER_MS + 2 * PACKET_MS * ticksPerMs;
      if (key.endPackets >= KEY_ENDS || (key.endPackets > 0 && since >= told)) this.#keysOver.add(key);
    }
  }

  #receiveKey({ timestamp, payload }: RtpPacket): void {
    const digit = KEYS[payload[0] ?? 255];
    if (digit === undefined || payload.length < 4 || this.#keys.size >= 256) return;
    const known = this.#keys.get(timestamp);
    const durationMs = payload.readUInt16BE(2) / KEY_TICKS_PER_MS;
    this.#keys.set(timestamp, {
      digit,
      durationMs: Math.max(durationMs, known?.durationMs ?? 0),
      endPackets: (known?.endPackets ?? 0) + (((payload[1] ?? 0) & 0x80) === 0 ? 0 : 1),
      packets: (known?.packets ?? 0) + 1,
    });
  }
}

/** One direction of SRTP. */
interface KeyInUse {
  readonly key: string;
  readonly peer: SrtpPeer;
}

/** The same key goes on with its counters, and another one with the roll-over counter (RFC 3711 §3.3.1). */
function keyInUse(key: string, former: KeyInUse | undefined): KeyInUse {
  if (key === former?.key) return former;
  const peer = new SrtpPeer(SUITE, key);
  if (former !== undefined) peer.highest = former.peer.highest;
  return { key, peer };
}

function isDescriptor(bytes: number, codec: Codec): boolean {
  return codec === 'G729' && bytes % 10 === 2;
}

/** Of what is as long as 20 ms are, or with Annex B ends sooner. */
function isWhole(bytes: number, { codec, annexB }: MediaTarget): boolean {
  if (bytes === PAYLOAD_BYTES[codec] || (codec === 'OPUS' && bytes > 0)) return true;
  return codec === 'G729' && annexB === true && [2, 10, 12].includes(bytes);
}

/** What the phone sends once when it has nothing to say; undefined: it sends silence on and on. */
function silenceOf(target: MediaTarget): { readonly payloadType: number; readonly payload: Buffer } | undefined {
  const { codec, payloadType, comfortNoise, annexB } = target;
  if (codec === 'G729') return annexB === true ? { payloadType, payload: SILENCE_DESCRIPTOR } : undefined;
  return comfortNoise === undefined ? undefined : { payloadType: comfortNoise, payload: COMFORT_NOISE };
}

interface RtpPacket {
  readonly payloadType: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly ssrc: number;
  readonly payload: Buffer;
}

/** RFC 3550 §5.1: header, contributing sources, extension, padding. */
function parseRtp(data: Buffer): RtpPacket | undefined {
  const [flags = 0, second = 0] = data;
  if (data.length < 12 || flags >> 6 !== 2) return undefined;
  let start = 12 + 4 * (flags & 15);
  if ((flags & 0x10) !== 0) {
    if (data.length < start + 4) return undefined;
    start += 4 + 4 * data.readUInt16BE(start + 2);
  }
  const end = data.length - ((flags & 0x20) === 0 ? 0 : (data.at(-1) ?? 0));
  if (start > end) return undefined;
  return {
    payloadType: second & 0x7f,
    sequenceNumber: data.readUInt16BE(2),
    timestamp: data.readUInt32BE(4),
    ssrc: data.readUInt32BE(8),
    payload: data.subarray(start, end),
  };
}

function lostBetween(sorted: readonly ReceivedPacket[]): number {
  let lost = 0;
  for (const [index, { order }] of sorted.entries()) {
    const gap = order - (sorted[index - 1]?.order ?? order - 1) - 1;
    // A larger step is a new SSRC.
    if (gap < 65_536) lost += gap;
  }
  return lost;
}

async function bind(address: string, port: number): Promise<Socket | undefined> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  try {
    const listening = once(socket, 'listening');
    socket.bind(port, address);
    await listening;
    return socket;
  } catch {
    socket.close();
    return undefined;
  }
}

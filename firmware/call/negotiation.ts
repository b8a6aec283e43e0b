import { isIPv6 } from 'node:net';
import type { LegParameters } from '../media/client.ts';
import { type AudioParameters, type MediaPolicy, type OfferedCodec, PLAIN_MEDIA, readAudio } from '../sdp/audio.ts';
import type { AudioCodec } from '../sdp/codec.ts';
import { answerDirection, chooseCodec, makeAnswer, makeOffer, noAudio, readAnswer } from '../sdp/offer-answer.ts';
import { SdpError } from '../sdp/sdp-error.ts';
import { parse, type SessionDescription } from '../sdp/session-description.ts';
import { isSpoken } from './media-abilities.ts';

/** What we offer; a peer that asks for another gets its own. */
const PTIME_MS = 20;
/** The worker sends packets of 10 to 120 ms in steps of 10. */
const MAX_PTIME_MS = 120;

/** A peer's offer that the box can answer. */
export interface ReceivedOffer {
  readonly description: SessionDescription;
  readonly audio: AudioParameters;
}

/** The SIP status that says why not (RFC 3261 §21.4.26 for 488). */
export interface Refusal {
  readonly status: 400 | 488;
  readonly why: string;
}

/** Reads an offer of a peer that the box reaches from `localAddress`, of which `enabled` codecs count. Never throws. */
export function readOffer(sdp: string, localAddress: string, enabled: readonly AudioCodec[]): ReceivedOffer | Refusal {
  const description = parse(sdp);
  if (description instanceof SdpError) {
    return { status: description.kind === 'malformed' ? 400 : 488, why: description.message };
  }
  const policy: MediaPolicy = { ...PLAIN_MEDIA, addressType: isIPv6(localAddress) ? 'IP6' : 'IP4' };
  const offered = readAudio(description, policy);
  if (offered === undefined) return { status: 488, why: noAudio(description, policy).message };
  const audio = { ...offered, codecs: offered.codecs.filter(({ codec }) => enabled.includes(codec)) };
  if (audio.codecs.length === 0) return { status: 488, why: 'no codec of the offer is one of ours' };
  const refusal = checkFamily(audio, localAddress);
  return refusal ?? { description, audio };
}

/** Our side of one leg: where it receives, and its o= line. */
export class LocalDescription {
  readonly address: string;
  readonly port: number;
  readonly #sessionId: number;
  readonly #codecs: readonly AudioCodec[];
  #version = 0;
  #offered: { readonly codecs: readonly AudioCodec[]; readonly telephoneEvent: boolean } | undefined;

  /**
   * `sessionId`: unique among the box's legs. `address`: the one that the peer is to send to. `codecs`: those that the box
   * offers, in order of preference.
   */
  constructor(sessionId: number, address: string, port: number, codecs: readonly AudioCodec[]) {
    this.#sessionId = sessionId;
    this.#codecs = codecs;
    this.address = address;
    this.port = port;
  }

  /** An offer with `first` (what the other leg speaks) before the rest, so that nothing is transcoded without need. */
  offer(first: readonly OfferedCodec[], telephoneEvent: boolean): string {
    const wanted = first.map(({ codec }) => codec);
    const codecs = [...new Set([...wanted, ...this.#codecs])];
    this.#offered = { codecs, telephoneEvent };
    return makeOffer({ ...this.#next(), codecs, telephoneEvent });
  }

  /** Reads the answer to what `offer` made last. */
  readAnswer(sdp: string, localAddress: string): AudioParameters | Refusal {
    if (this.#offered === undefined) return { status: 488, why: 'an answer without an offer' };
    const description = parse(sdp);
    const audio = description instanceof SdpError ? description : readAnswer(description, this.#offered);
    if (audio instanceof SdpError) return { status: audio.kind === 'malformed' ? 400 : 488, why: audio.message };
    return checkFamily(audio, localAddress) ?? audio;
  }

  /** The answer to `offer` with the one codec that `legParameters` chose for it. */
  answer(offer: ReceivedOffer, leg: LegParameters): string {
    return makeAnswer(offer.description, {
      ...this.#next(),
      ptimeMs: leg.ptimeMs,
      audio: offer.audio,
      codec: { codec: leg.codec, payloadType: leg.payloadType },
      telephoneEvent: true,
    });
  }

  #next() {
    this.#version += 1;
    return {
      address: this.address,
      port: this.port,
      sessionId: this.#sessionId,
      version: this.#version,
      ptimeMs: PTIME_MS,
    };
  }
}

/**
 * What the media worker is to do on the leg of a peer with `audio`. `wanted`: the codecs to prefer, such as the other
 * leg's; else the peer's own order decides (RFC 3264 §6.1).
 */
export function legParameters(audio: AudioParameters, wanted: readonly AudioCodec[]): LegParameters | undefined {
  const codec = chooseCodec(audio.codecs, [...wanted, ...audio.codecs.map(({ codec }) => codec)]);
  if (codec === undefined || !isSpoken(codec.codec)) return undefined;
  return {
    remoteAddress: audio.remoteAddress,
    remotePort: audio.remotePort,
    codec: codec.codec,
    payloadType: codec.payloadType,
    ...(audio.telephoneEventPayloadType === undefined
      ? {}
      : { telephoneEventPayloadType: audio.telephoneEventPayloadType }),
    ptimeMs: Math.min(Math.floor(audio.ptimeMs / 10) * 10, MAX_PTIME_MS),
    direction: answerDirection(audio.direction, 'sendrecv'),
  };
}

/** A leg's socket has one address family. */
function checkFamily(audio: AudioParameters, localAddress: string): Refusal | undefined {
  return isIPv6(audio.remoteAddress) === isIPv6(localAddress)
    ? undefined
    : { status: 488, why: `media at ${audio.remoteAddress} cannot be reached from ${localAddress}` };
}

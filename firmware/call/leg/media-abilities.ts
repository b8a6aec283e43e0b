import { SRTP_SUITES, type AudioCodec as WorkerCodec } from '../../media/client.ts';
import type { AudioCodec } from '../../sdp/codec.ts';
import type { CryptoAbilities } from '../../sdp/crypto.ts';

/** What the media worker does of what could be negotiated: nothing else is offered or taken. */
export interface MediaAbilities {
  readonly codecs: readonly WorkerCodec[];
  /** No suites: no SRTP. */
  readonly srtp: CryptoAbilities;
  /** RTCP on the RTP port (RFC 5761). */
  readonly rtcpMux: boolean;
  /** Sends comfort noise, and hears it (RFC 3389). */
  readonly comfortNoise: boolean;
  /** Encodes G.729 with Annex B. */
  readonly annexB: boolean;
}

export const MEDIA_ABILITIES: MediaAbilities = {
  codecs: ['PCMA', 'PCMU', 'G729', 'G722', 'G726', 'OPUS'],
  srtp: { suites: SRTP_SUITES, mki: false },
  rtcpMux: true,
  comfortNoise: true,
  annexB: true,
};

/** Whether the media worker speaks this codec. */
export function isSpoken(codec: AudioCodec, { codecs }: MediaAbilities = MEDIA_ABILITIES): codec is WorkerCodec {
  return codecs.some((spoken) => spoken === codec);
}

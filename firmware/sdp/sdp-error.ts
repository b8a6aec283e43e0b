import { RingdownError } from '../core/errors.ts';

/** `malformed`: the text is no session description (400). `not-acceptable`: it is one, but not for us (488). */
export type SdpErrorKind = 'malformed' | 'not-acceptable';

export type SdpErrorCode =
  | 'SDP_TOO_LARGE'
  | 'SDP_SYNTAX'
  | 'SDP_NO_AUDIO'
  /** A transport protocol that is not taken: SRTP where it is off, DTLS, anything but RTP. */
  | 'SDP_PROTOCOL'
  /** No SRTP where it is enforced, or keys that do not fit. */
  | 'SDP_SECURITY'
  | 'SDP_NO_COMMON_CODEC'
  | 'SDP_ANSWER_MISFIT';

/** What is wrong with a peer's session description. `line` counts from 1. The parsers return it and never throw it. */
export class SdpError extends RingdownError {
  readonly kind: SdpErrorKind;
  readonly line: number | undefined;

  constructor(code: SdpErrorCode, message: string, line?: number) {
    super(
      code,
      line === undefined ? message : `line ${line}: ${message}`,
      'Look at the media settings of the device that sent it.',
    );
    this.kind = code === 'SDP_TOO_LARGE' || code === 'SDP_SYNTAX' ? 'malformed' : 'not-acceptable';
    this.line = line;
  }
}

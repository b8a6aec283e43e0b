import type { Call } from './call.ts';

/** A call in the status: who talks to whom, its phase, and the codecs once both sides have one. */
export interface CallSummary {
  readonly from: string;
  readonly to: string;
  readonly state: string;
  readonly codecs: string;
}

export function summaryOf({ waiting, other, dialled, phase }: Call): CallSummary {
  const codecs = [waiting.media.codec, other?.media.codec].flatMap((codec) => codec ?? []);
  return {
    from: waiting.party.number,
    to: other?.party.number ?? dialled,
    state: phase,
    codecs: other === undefined ? '' : [...new Set(codecs)].join('-'),
  };
}

import { ANSWERED_ELSEWHERE } from '../leg/leg-end.ts';
import type { Speech } from '../leg/leg-media.ts';
import { OutgoingLeg, type OutgoingLegOptions } from '../leg/outgoing-leg.ts';
import type { Dialling, DiallingListener } from './dialling.ts';

/** One device is called, over the ways that lead to it. */
export class DeviceDialling implements Dialling {
  readonly #options: OutgoingLegOptions;
  readonly #speech: () => Speech | undefined;
  readonly #listener: DiallingListener;
  #leg: OutgoingLeg | undefined;
  #over = false;

  /** `speech`: what whoever it is for speaks. */
  constructor(options: OutgoingLegOptions, speech: () => Speech | undefined, listener: DiallingListener) {
    this.#options = options;
    this.#speech = speech;
    this.#listener = listener;
  }

  start(): void {
    if (this.#over) return;
    const leg = new OutgoingLeg(this.#options);
    this.#leg = leg;
    const listener = this.#listener;
    leg.owner = {
      onRinging: () => listener.ringing(),
      onEarlyMedia: (_leg, sdp) => listener.earlyMedia(leg, sdp),
      onAnswered: () => {
        this.#finish();
        listener.answered(leg);
      },
      onRejected: (_leg, status) => {
        this.#finish();
        leg.close();
        listener.rejected(status, leg);
      },
      onUnwanted: (_leg, how) => {
        this.#finish();
        // It shows no missed call: its user knows of this one.
        leg.close(ANSWERED_ELSEWHERE);
        if (how === 'ignored') listener.ignored(leg);
        else listener.rejected(603, leg);
      },
      onEnded: () => {
        this.#finish();
        leg.close();
        listener.gone(leg);
      },
    };
    listener.calls(leg);
    leg.call(this.#speech()).catch((error: unknown) => {
      if (this.#over) return;
      this.stop();
      listener.failed(error);
    });
  }

  stop(reason?: string): void {
    if (this.#over) return;
    const leg = this.#leg;
    this.#finish();
    leg?.close(reason);
  }

  #finish(): void {
    this.#over = true;
    if (this.#leg !== undefined) this.#leg.owner = {};
  }
}

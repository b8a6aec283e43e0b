import { ANSWERED_ELSEWHERE } from '../leg/leg-end.ts';
import type { Speech } from '../leg/leg-media.ts';
import { NO_PAUSES } from '../leg/negotiation.ts';
import type { OutgoingLeg, OutgoingLegOptions } from '../leg/outgoing-leg.ts';
import { DeviceDialling } from '../step/device-dialling.ts';

export interface AlarmRingOptions {
  /** The devices of one person, and how each is called. */
  readonly devices: readonly OutgoingLegOptions[];
  /** Sounds of the media worker, said to whoever answers before the box hangs up. */
  readonly says: readonly string[];
  readonly onFailed: (error: unknown) => void;
}

const TALKED_TO: Speech = { codecs: [], pauses: NO_PAUSES };

/** The box calls somebody by itself: all of his devices ring, and the one that answers hears what there is to say. */
export class AlarmRing {
  readonly #options: AlarmRingOptions;
  readonly #diallings: readonly DeviceDialling[];
  #answered: OutgoingLeg | undefined;
  #stopped = false;

  constructor(options: AlarmRingOptions) {
    this.#options = options;
    this.#diallings = options.devices.map((device, index) => {
      const nothing = (): void => undefined;
      return new DeviceDialling(device, () => TALKED_TO, {
        calls: nothing,
        ringing: nothing,
        earlyMedia: nothing,
        answered: (leg) => this.#answer(leg, index),
        rejected: nothing,
        ignored: nothing,
        gone: nothing,
        failed: options.onFailed,
      });
    });
    for (const dialling of this.#diallings) dialling.start();
  }

  /** Idempotent. */
  stop(): void {
    this.#stopped = true;
    for (const dialling of this.#diallings) dialling.stop();
    this.#answered?.close();
  }

  #answer(leg: OutgoingLeg, index: number): void {
    // Two that answer at the same moment: the second one has nothing to hear any more.
    if (this.#answered !== undefined || this.#stopped) {
      leg.close();
      return;
    }
    this.#answered = leg;
    this.#diallings.forEach((dialling, each) => {
      if (each !== index) dialling.stop(ANSWERED_ELSEWHERE);
    });
    leg.owner = { onEnded: () => leg.close() };
    this.#say(leg).catch((error: unknown) => {
      this.#options.onFailed(error);
      leg.close();
    });
  }

  async #say(leg: OutgoingLeg): Promise<void> {
    const refusal = await leg.prepare();
    if (refusal === undefined) await leg.media.announce({ kind: 'files', names: this.#options.says });
    leg.close();
  }
}

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
  /** Nothing of his rings any more, and whoever answered has heard it, or hung up. Not called at once, and not after `stop`. */
  readonly onOver: () => void;
}

const TALKED_TO: Speech = { codecs: [], pauses: NO_PAUSES };

/** The box calls somebody by itself: all of his devices ring, and the one that answers hears what there is to say. */
export class AlarmRing {
  readonly #options: AlarmRingOptions;
  readonly #diallings: readonly DeviceDialling[];
  #answered: OutgoingLeg | undefined;
  /** How many may still answer. */
  #left: number;
  #isOver = false;

  constructor(options: AlarmRingOptions) {
    this.#options = options;
    this.#left = options.devices.length;
    this.#diallings = options.devices.map((device, index) => {
      const nothing = (): void => undefined;
      return new DeviceDialling(device, () => TALKED_TO, {
        calls: nothing,
        ringing: nothing,
        earlyMedia: nothing,
        answered: (leg) => this.#answer(leg, index),
        rejected: () => this.#out(),
        ignored: () => this.#out(),
        gone: () => this.#out(),
        failed: (error) => {
          options.onFailed(error);
          this.#out();
        },
      });
    });
    for (const dialling of this.#diallings) dialling.start();
    if (this.#left === 0) queueMicrotask(() => this.#finish());
  }

  /** Idempotent. */
  stop(): void {
    this.#isOver = true;
    for (const dialling of this.#diallings) dialling.stop();
    this.#answered?.close();
  }

  #answer(leg: OutgoingLeg, index: number): void {
    // Two that answer at the same moment: the second one has nothing to hear any more.
    if (this.#answered !== undefined || this.#isOver) {
      leg.close();
      return;
    }
    this.#answered = leg;
    this.#diallings.forEach((dialling, each) => {
      if (each !== index) dialling.stop(ANSWERED_ELSEWHERE);
    });
    const over = (): void => {
      leg.close();
      this.#finish();
    };
    leg.owner = { onEnded: over };
    this.#say(leg).then(over, (error: unknown) => {
      this.#options.onFailed(error);
      over();
    });
  }

  #out(): void {
    this.#left -= 1;
    if (this.#left === 0 && this.#answered === undefined) this.#finish();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.onOver();
  }

  async #say(leg: OutgoingLeg): Promise<void> {
    const refusal = await leg.prepare();
    if (refusal === undefined) await leg.media.announce({ kind: 'files', names: this.#options.says });
  }
}

import { open } from 'node:fs/promises';
import type { Clock, Timer } from '../../core/clock.ts';

const LOOK_MS = 1000;
/** Nobody leaves so long a pause, and a line that is dead lasts for minutes. */
export const QUIET_MS = 8000;
/** Root mean square of 16 bit samples, -46 dB of full scale: below it there is breath and noise. */
const QUIET_RMS = 160;
/** Of the end of the file: half a second at 16 kHz. */
const LOOK_BYTES = 16_384;
const HEADER_BYTES = 44;

/** Looks, while a file is recorded, whether anybody still says something. Reads the end of it once a second. */
export class QuietWatch {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #onQuiet: () => void;
  #timer: Timer | undefined;
  #loudMs: number;
  #isClosed = false;

  constructor(path: string, clock: Clock, onQuiet: () => void) {
    this.#path = path;
    this.#clock = clock;
    this.#onQuiet = onQuiet;
    this.#loudMs = clock.elapsed();
    this.#next();
  }

  /** Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #next(): void {
    this.#timer = this.#clock.schedule(LOOK_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    // A file that is not there yet says nothing.
    const loud = await isLoud(this.#path).catch(() => false);
    if (this.#isClosed) return;
    const now = this.#clock.elapsed();
    if (loud) this.#loudMs = now;
    if (now - this.#loudMs >= QUIET_MS) this.#onQuiet();
    else this.#next();
  }
}

async function isLoud(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const from = Math.max(HEADER_BYTES, size - LOOK_BYTES);
    const even = from - ((from - HEADER_BYTES) % 2);
    const buffer = Buffer.alloc(LOOK_BYTES + 2);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, even);
    return rms(buffer.subarray(0, bytesRead)) >= QUIET_RMS;
  } finally {
    await file.close();
  }
}

/** Of 16 bit samples, the lower byte first. */
export function rms(pcm: Buffer): number {
  const count = pcm.length >> 1;
  if (count === 0) return 0;
  let sum = 0;
  for (let index = 0; index < count; index += 1) sum += pcm.readInt16LE(2 * index) ** 2;
  return Math.sqrt(sum / count);
}

import { existsSync, realpathSync } from 'node:fs';
import { join, sep } from 'node:path';
import { isSoundName } from '../prompts.ts';

/** No file of such a name. */
export class NoSoundError extends Error {
  readonly code = 'MEDIA_SOUND';
}

/** Where sounds are files. Names lead to nothing outside of the folders, by links neither. */
export class SoundFiles {
  readonly #folders: readonly string[];

  /** The first folder that has a sound is taken. One that is not there has none, and may come later. */
  constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /** The file that suits a leg of this sample rate best: of its own rate, else of the other. Throws NoSoundError. */
  find(name: string, sampleRate: 8000 | 16_000): string {
    if (!isSoundName(name)) throw new NoSoundError(`${JSON.stringify(name)} is no name of a sound`);
    const endings = sampleRate === 8000 ? ['.8.wav', '.wav', '.16.wav'] : ['.16.wav', '.wav', '.8.wav'];
    for (const named of this.#folders) {
      if (!existsSync(named)) continue;
      const folder = realpathSync(named);
      for (const ending of endings) {
        const path = join(folder, name + ending);
        if (!existsSync(path)) continue;
        const real = realpathSync(path);
        if (real.startsWith(folder + sep)) return real;
      }
    }
    throw new NoSoundError(`there is no sound ${name}`);
  }
}

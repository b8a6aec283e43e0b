import type { Path } from './path.ts';
import { isRecord } from './schema/tree.ts';

/** Features of short codes until migration 016. */
const FORMER_FEATURES: ReadonlySet<unknown> = new Set(['dial-inclusion', 'display-message', 'hold-call']);

/**
 * What comes back from a revision, as migrations 016 and 017 made it of what was there then: a short code that was refused must not be
 * dialled outside, and one that is known no more must not keep the rest from coming back.
 */
export function asMigrated(path: Path, value: unknown): unknown {
  if (path.at(-2) === 'shortCodes' && isRecord(value)) {
    const isRefused = FORMER_FEATURES.has(value['feature']) || value['forceAuthorization'] === true;
    return isRefused ? { ...value, feature: 'barred' } : value;
  }
  return path.at(-3) === 'shortCodes' && path.at(-1) === 'feature' && FORMER_FEATURES.has(value) ? 'barred' : value;
}

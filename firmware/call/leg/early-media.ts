import type { Leg } from './leg.ts';

/**
 * The device speaks before it answers: an announcement, or a tone of its own. False where who waits does not hear it; undefined where
 * it does, or nobody wants it any more (`isCurrent`). Rejects as MediaSession does.
 */
export async function openEarlyMedia(
  waiting: Leg,
  leg: Leg,
  sdp: string,
  isCurrent: () => boolean,
): Promise<boolean | undefined> {
  // It may be out meanwhile, its media closed, and somebody else have the party.
  const isWanted = (): boolean => isCurrent() && !leg.isEnded;
  try {
    const refusal = await leg.takeEarlyAnswer(sdp);
    if (!isWanted()) return undefined;
    if (refusal === undefined) await waiting.media.join(leg.media);
    const isHeard = refusal === undefined && isWanted() && (await waiting.progress(leg));
    return isHeard || !isWanted() ? undefined : false;
  } catch (error) {
    if (isWanted()) throw error;
    return undefined;
  }
}

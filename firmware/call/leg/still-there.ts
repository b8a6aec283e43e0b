import type { Leg } from './leg.ts';

/** Nobody answered, there was no way, or the peer knows of no such call (RFC 5057 §5.1). */
const GONE: ReadonlySet<number> = new Set([408, 481, 503]);

/** Asks the peer by OPTIONS in the dialog, half a minute at most (RFC 3261 §17.1.2.2). Never rejects. */
export async function isStillThere(leg: Pick<Leg, 'request'>): Promise<boolean> {
  try {
    const response = await leg.request('OPTIONS');
    return response !== undefined && !GONE.has(response.status);
  } catch {
    return false;
  }
}

/** `2026-11-25T182000Z`: sorts by time, and may stand in a file name on any file system. */
export const TIME_STAMP = '\\d{4}-\\d{2}-\\d{2}T\\d{6}Z';

/**
 * A stamp for now, later than `newest`: what carries stamps sorts in the order in which it was made. The box has no clock
 * that runs while it is off, and after a start it may be 1970 again.
 */
export function stampAfter(newest: string | undefined, nowMs: number): string {
  const newestMs = newest === undefined ? Number.NEGATIVE_INFINITY : parseStamp(newest);
  return formatStamp(Math.max(nowMs, newestMs + 1000));
}

function formatStamp(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replaceAll(':', '')}Z`;
}

function parseStamp(stamp: string): number {
  const atMs = Date.parse(stamp.replace(/T(..)(..)(..)Z$/, 'T$1:$2:$3Z'));
  return Number.isNaN(atMs) ? Number.NEGATIVE_INFINITY : atMs;
}

/**
 * The beginning of `text`, copied. A part of a string keeps the whole of it in memory, and what a stranger sends may be
 * 64 KB: whatever of it goes into a table must go there as a copy.
 */
export function detachedText(text: string, maxLength: number): string {
  return Buffer.from(text.slice(0, maxLength), 'utf16le').toString('utf16le');
}

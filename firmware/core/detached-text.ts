/**
 * The beginning of `text`, or all of it, copied. A part of a string keeps the whole of it in memory, and what a stranger sends may be
 * 64 KB: whatever of it goes into a table must go there as a copy.
 */
export function detachedText(text: string, maxLength = text.length): string {
  // What is put together here is written out when it is cut, as a text of its own.
  return ` ${text.slice(0, maxLength)}`.slice(1);
}

const MAX_CHARACTERS = 80;

/** What a stranger sent must not steer the technician's terminal. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e\u00a0-\u{10ffff}]/gu, '?').slice(0, MAX_CHARACTERS);
}

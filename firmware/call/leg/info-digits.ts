/**
 * Digits in the body of INFO, of the kind that was there before RFC 6086 and names no package: application/dtmf-relay
 * (`Signal=5` and `Duration=160` on lines of their own) and application/dtmf (the digit alone). Pure.
 */

/** As the worker takes it: '0' to '9', '*', '#', 'A' to 'D'. */
export interface PressedDigit {
  readonly digit: string;
  /** Undefined where the body does not say; else 1 to 65535. */
  readonly durationMs: number | undefined;
}

export const DTMF_RELAY = 'application/dtmf-relay';
const DTMF = 'application/dtmf';
/** For Accept in a 415 (RFC 3261 §21.4.13). */
export const DIGIT_TYPES: readonly string[] = [DTMF_RELAY, DTMF];

const MAX_BODY_CHARACTERS = 256;
const MAX_DURATION_MS = 65_535;
/** The numbers that some phones give instead of a sign: the events of RFC 4733. */
const SIGNS: ReadonlyMap<string, string> = new Map([
  ['10', '*'],
  ['11', '#'],
  ['12', 'A'],
  ['13', 'B'],
  ['14', 'C'],
  ['15', 'D'],
]);

/**
 * What a body of `type` (in lower case, without parameters) says was pressed. `unsupported`: of another type.
 * `malformed`: no digit, such as a hook flash, or a length that is no number.
 */
export function readInfoDigit(type: string, body: string): PressedDigit | 'unsupported' | 'malformed' {
  if (!DIGIT_TYPES.includes(type)) return 'unsupported';
  if (body.length > MAX_BODY_CHARACTERS) return 'malformed';
  const lines = body.split(/\r\n|\r|\n/).map((line) => line.trim());
  const signal = lineOf(lines, 'signal') ?? (type === DTMF ? lines[0] : undefined);
  const digit = signal === undefined ? undefined : digitOf(signal);
  if (digit === undefined) return 'malformed';
  const duration = lineOf(lines, 'duration');
  if (duration === undefined) return { digit, durationMs: undefined };
  const durationMs = /^[0-9]{1,5}$/.test(duration) ? Number(duration) : 0;
  return durationMs >= 1 && durationMs <= MAX_DURATION_MS ? { digit, durationMs } : 'malformed';
}

/** The body of type DTMF_RELAY that says so. */
export function writeInfoDigit({ digit, durationMs }: PressedDigit): string {
  const duration = durationMs === undefined ? '' : `Duration=${Math.min(Math.max(durationMs, 1), MAX_DURATION_MS)}\r\n`;
  return `Signal=${digit}\r\n${duration}`;
}

function lineOf(lines: readonly string[], name: string): string | undefined {
  for (const line of lines) {
    const [key = '', value] = line.split('=', 2);
    if (value !== undefined && key.trim().toLowerCase() === name) return value.trim();
  }
  return undefined;
}

function digitOf(signal: string): string | undefined {
  const sign = SIGNS.get(signal) ?? signal.toUpperCase();
  return /^[0-9*#A-D]$/.test(sign) ? sign : undefined;
}

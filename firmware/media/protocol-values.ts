/** What the validation of every message stands on. */

export type JsonRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A whole number from `low` to `high`, both ends included. */
export function isInteger(value: unknown, low: number, high: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high;
}

export function isId(value: unknown): value is number {
  return isInteger(value, 1, Number.MAX_SAFE_INTEGER);
}

export function isCount(value: unknown): value is number {
  return isInteger(value, 0, Number.MAX_SAFE_INTEGER);
}

export function isLegIndex(value: unknown): value is 0 | 1 {
  return value === 0 || value === 1;
}

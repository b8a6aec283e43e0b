/** The phones are numbered from here on, as many as the box takes. */
export const FIRST_NUMBER = 1000;
export const USERS = 384;
export type Algorithm = 'MD5' | 'SHA-256';

/** A registrar that the bench has started. */
export interface Server {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  close(): Promise<void>;
}

export function numbers(): readonly string[] {
  return Array.from({ length: USERS }, (_, index) => String(FIRST_NUMBER + index));
}

/** As register-load.c makes it. */
export function passwordOf(number: string): string {
  return `only-for-bench-${number}`;
}

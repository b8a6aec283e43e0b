/** The middle one; NaN of none. */
export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

/** Prints the median and, in brackets, what each round gave. */
export function report(what: string, rounds: readonly number[], unit = '', digits = 2): void {
  const spread = rounds.map((number) => number.toFixed(digits)).join(' ');
  process.stdout.write(`${what.padEnd(58)} ${median(rounds).toFixed(digits)}${unit} (${spread})\n`);
}

export function heading(text: string): void {
  process.stdout.write(`\n${text}\n`);
}

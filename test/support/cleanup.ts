/**
 * What must be undone even when a test is interrupted: each step runs once, the last added first, at the latest when
 * the process exits. Steps are synchronous, since nothing else runs then.
 */
const steps = new Set<() => void>();
let installed = false;

/** Adds a step; the function that comes back runs it now. */
export function atExit(step: () => void): () => void {
  install();
  steps.add(step);
  return () => {
    if (steps.delete(step)) step();
  };
}

function install(): void {
  if (installed) return;
  installed = true;
  process.on('exit', () => {
    for (const step of [...steps].reverse()) {
      steps.delete(step);
      try {
        step();
      } catch (error) {
        process.stderr.write(`cleaning up: ${error instanceof Error ? error.message : String(error)}\n`);
      }
    }
  });
  // The exit handler above is not run for a signal that nobody handles.
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
    ['SIGALRM', 14],
  ] as const) {
    process.once(signal, () => process.exit(128 + number));
  }
}

import { get } from 'node:http';

/**
 * `node http-probe.ts URL TIMEOUT_MS`: asks for URL until something answers, and ends with status 0; with status 1 after
 * the time-out. For a server in a network namespace that may not be up yet.
 */

/** For one attempt: what a measured time may be too long. */
const ATTEMPT_MS = 200;

function attempt(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const began = performance.now();
    const request = get(url, { timeout: ATTEMPT_MS }, (response) => {
      response.resume();
      resolve(true);
    });
    request.on('timeout', () => request.destroy());
    // A refusal comes at once: the next attempt waits, so that it is no flood.
    request.on('error', () =>
      setTimeout(() => resolve(false), Math.max(0, ATTEMPT_MS / 4 - (performance.now() - began))),
    );
  });
}

const [url = '', timeoutText = '60000'] = process.argv.slice(2);
const deadline = performance.now() + Number(timeoutText);
let answered = false;
while (!answered && performance.now() < deadline) answered = await attempt(url);
process.exitCode = answered ? 0 : 1;

import { type Bindings, type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import type { Clock } from './clock.ts';

export type { Logger } from 'pino';

/** Characters that are written before the turn is over. */
const WRITTEN_TOGETHER = 8192;

/** Fields that never reach a log, wherever they stand in an object one level deep. */
const SECRET_FIELDS = ['password', 'ha1', 'secret', 'authorization', 'privateKey'] as const;
const CENSOR = '[secret]';

/** Makes the root logger: JSON lines on `destination`; unless given on standard output, those of one turn of the event loop together. */
export function createLogger(level = 'info', destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    // Not `redact` of pino, which looks for each path in each value: it cost ten times as much as the rest of a line.
    formatters: { log: withoutSecrets },
  };
  const logger: Logger = pino(options, destination ?? standardOutput());
  const child: (this: Logger, bindings: Bindings) => Logger = logger.child;
  // Children make theirs by this one as well: they inherit it.
  Object.defineProperty(logger, 'child', {
    value(this: Logger, bindings: Bindings): Logger {
      return child.call(this, withoutSecrets(bindings));
    },
  });
  return logger;
}

/** The same object where there is nothing to hide, as nearly always. */
function withoutSecrets(fields: Record<string, unknown>): Record<string, unknown> {
  let shown = censored(fields);
  for (const name in shown) {
    const value = shown[name];
    if (typeof value !== 'object' || value === null || !hasSecret(value)) continue;
    if (shown === fields) shown = { ...fields };
    shown[name] = censored(value instanceof Error ? { ...pino.stdSerializers.err(value) } : { ...value });
  }
  return shown;
}

function censored(fields: Record<string, unknown>): Record<string, unknown> {
  if (!hasSecret(fields)) return fields;
  const shown = { ...fields };
  for (const name of SECRET_FIELDS) if (name in shown) shown[name] = CENSOR;
  return shown;
}

function hasSecret(fields: object): boolean {
  for (const name of SECRET_FIELDS) if (name in fields) return true;
  return false;
}

/** A call has five lines, and each write costs as much as all else that is done for one. Nothing is lost at an orderly end. */
function standardOutput(): DestinationStream {
  const output = pino.destination({ dest: 1, sync: true });
  let lines = '';
  // Not by minLength and flushSync of the destination: that tries again without end where nobody reads any more.
  const flush = (): void => {
    if (lines === '') return;
    const together = lines;
    lines = '';
    output.write(together);
  };
  process.once('exit', flush);
  return {
    write(line) {
      if (lines === '') setImmediate(flush);
      lines += line;
      if (lines.length >= WRITTEN_TOGETHER) flush();
    },
  };
}

/** Sources remembered at once, and so lines a second: of a flood from more addresses than this the rest is not told. */
const MAX_SOURCES = 100;
const INTERVAL_MS = 1000;

/**
 * Logs what strangers cause: at most one line per source and second, with the count of those left out, so that
 * a flood fills neither the log nor memory.
 */
export class SourceLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #sources = new Map<string, { since: number; suppressed: number }>();

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  /** `source` is the peer's address without the port. */
  warn(source: string, fields: Record<string, unknown>, message: string): void {
    const now = this.#clock.elapsed();
    const seen = this.#sources.get(source);
    if (seen !== undefined && now - seen.since < INTERVAL_MS) {
      seen.suppressed += 1;
      return;
    }
    if (seen === undefined && this.#sources.size >= MAX_SOURCES) {
      this.#forgetOld(now);
      if (this.#sources.size >= MAX_SOURCES) return;
    }
    this.#sources.set(source, { since: now, suppressed: 0 });
    const suppressed = seen?.suppressed ?? 0;
    this.#logger.warn({ source, ...fields, ...(suppressed > 0 ? { suppressed } : {}) }, message);
  }

  #forgetOld(now: number): void {
    for (const [source, seen] of this.#sources) {
      if (now - seen.since >= INTERVAL_MS) this.#sources.delete(source);
    }
  }
}

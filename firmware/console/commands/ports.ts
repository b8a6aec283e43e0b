import { UsageError } from '../../core/errors.ts';

/** The UDP ports of a range, both ends included. */
export interface PortRange {
  readonly low: number;
  readonly high: number;
}

/** Reads the value of an option that is a port, 1 to 65535. Throws UsageError OPTION_INVALID naming it. */
export function readPort(option: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65535) return port;
  throw invalidOption(option, text, 'Give a number from 1 to 65535.');
}

/** Reads `LOW-HIGH`, from 1024 to 65535. A call takes two ports for RTP and two for RTCP. Throws UsageError OPTION_INVALID. */
export function readMediaPorts(option: string, text: string): PortRange {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  const low = Number(match?.[1]);
  const high = Number(match?.[2]);
  if (match !== null && low >= 1024 && high <= 65535 && high - low >= 3) return { low, high };
  throw invalidOption(option, text, 'Give LOW-HIGH from 1024 to 65535 with four ports or more, as 46750-50750.');
}

/** Phones compare $GROUP with text; this is as far as they count. */
const MAX_GROUP = 999;

/** Reads the value of --group. Throws UsageError OPTION_INVALID. */
export function readGroup(text: string): number {
  const group = /^\d{1,3}$/.test(text) ? Number(text) : -1;
  if (group >= 0 && group <= MAX_GROUP) return group;
  throw invalidOption('--group', text, `Give a number from 0 to ${MAX_GROUP}.`);
}

/** A value of the command line that cannot be used; bounded and on one line, whatever was given. */
export function invalidOption(option: string, text: string, cure: string): UsageError {
  return new UsageError('OPTION_INVALID', `${option} ${JSON.stringify(text.slice(0, 80))} is not valid`, cure);
}

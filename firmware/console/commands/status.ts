import { Command } from 'commander';
import type { Notice } from '../../config/notices.ts';
import { formatNotices } from './config-text.ts';
import { formatDevice, type RegisteredDevice } from './devices.ts';
import { formatLineState, type LineView } from './lines.ts';
import { printable } from './printable.ts';

/** What `status` shows, read from the running system at the moment of the question. */
export interface RuntimeStatus {
  readonly version: string;
  /** The system's name, and the revision of the configuration that is in force. */
  readonly name: string;
  readonly revision: number;
  readonly uptimeSeconds: number;
  /** What people must know of and have not taken note of yet. */
  readonly notices: readonly Notice[];
  /** `udp 192.168.42.1:5060` and the like: only what is really bound. */
  readonly listeners: readonly string[];
  readonly devices: readonly RegisteredDevice[];
  readonly lines: readonly LineView[];
  readonly calls: readonly {
    readonly from: string;
    readonly to: string;
    readonly state: string;
    readonly seconds: number;
    /** `PCMA–G729`, or `PCMA` where both legs have the same; empty while it rings. */
    readonly codecs: string;
  }[];
  readonly media: { readonly state: string; readonly sessions: number };
  /** What calls hold; all of it is as before once they are over, transactions half a minute later. */
  readonly held: {
    readonly legs: number;
    readonly sipSessions: number;
    readonly transactions: number;
    readonly timers: number;
    /** Open files and sockets of the process; undefined where none is left to count them with. */
    readonly files: number | undefined;
  };
}

/** So that the rest stays on the screen of an office full of phones. */
const MAX_DEVICES = 16;

/** `status`: only inside a running runtime, where there is something to show. */
export function statusCommand(read: () => RuntimeStatus, output: NodeJS.WritableStream): Command {
  return new Command('status')
    .description('what runs: listeners, registered devices, lines, calls')
    .action(() => void output.write(formatStatus(read())));
}

function formatStatus(status: RuntimeStatus): string {
  const lines = [
    `Ringdown ${status.version}, running for ${formatDuration(status.uptimeSeconds)}`,
    `System: ${status.name}, configuration revision ${status.revision}`,
    `Media: ${status.media.state}, ${count(status.media.sessions, 'session')}`,
    `Held: ${formatHeld(status.held)}`,
    '',
    'Listening on',
    ...status.listeners.map((listener) => `  ${listener}`),
    '',
    count(status.devices.length, 'registered device'),
    ...status.devices.slice(0, MAX_DEVICES).map((device) => `  ${formatDevice(device)}`),
    ...(status.devices.length > MAX_DEVICES ? ['  and more: see devices list'] : []),
    '',
    ...(status.lines.length === 0
      ? []
      : [count(status.lines.length, 'line'), ...status.lines.map((line) => `  ${formatLineState(line)}`), '']),
    count(status.calls.length, 'call'),
    ...status.calls.map(
      ({ from, to, state, seconds, codecs }) =>
        `  ${from} to ${printable(to)}  ${state}  ${formatDuration(seconds)}${codecs === '' ? '' : `  ${codecs}`}`,
    ),
  ];
  return `${formatNotices(status.notices)}${lines.join('\n')}\n`;
}

function formatHeld({ legs, sipSessions, transactions, timers, files }: RuntimeStatus['held']): string {
  return [
    count(legs, 'leg'),
    count(sipSessions, 'SIP session'),
    count(transactions, 'transaction'),
    count(timers, 'timer'),
    files === undefined ? 'as many files as it may' : count(files, 'file'),
  ].join(', ');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function formatDuration(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = Math.floor(seconds % 60);
  return [...(hours > 0 ? [`${hours} h`] : []), ...(hours + minutes > 0 ? [`${minutes} min`] : []), `${rest} s`].join(
    ' ',
  );
}

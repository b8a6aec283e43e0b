import { Command } from 'commander';
import { RingdownError } from '../../core/errors.ts';
import { type CommandContext, examples } from './context.ts';
import { printable } from './printable.ts';
import { askBox, type BoxValues, withRunningBox } from './running-box.ts';

/** A device that is registered, as the running box sees it. */
export interface RegisteredDevice {
  readonly extension: string;
  /** `desk`, `desktop`, `mobile` or `webrtc`. */
  readonly deviceClass: string;
  /** `udp 192.168.42.50:5060`. */
  readonly via: string;
  readonly expiresInSeconds: number;
  /** False where its connection is gone: it gets no call until it is back. */
  readonly isReachable: boolean;
  readonly userAgent?: string;
  /** The Contact URI, with what the device wants pushes to be sent with. */
  readonly contact: string;
}

export interface DevicesView {
  list(): readonly RegisteredDevice[];
  /** Logs the devices of an extension out; how many there were. */
  forget(extension: string): number;
}

/** `ringdown devices`: only the running box knows; inside it `view` shows it, the command line asks it. */
export function devicesCommand(context: CommandContext, view?: DevicesView): Command {
  const { output } = context;
  const command = new Command('devices').description('the devices that are registered');
  const list = command
    .command('list [extension]')
    .description(
      'prints class, transport, expiry and user agent of each device; one whose connection is gone gets no calls',
    )
    .option('--json', 'one JSON object a line, with the Contact and the whole user agent');
  const forget = command
    .command('forget <extension>')
    .description('logs the devices of an extension out; they may log in again');
  if (view !== undefined) {
    list.action((extension: string | undefined, { json }: { json?: boolean }) => {
      const devices = view.list().filter((device) => extension === undefined || device.extension === extension);
      if (json === true) for (const device of devices) output.write(`${JSON.stringify(device)}\n`);
      else if (devices.length === 0) output.write('No device is registered.\n');
      else for (const device of devices) output.write(`${formatDevice(device)}\n`);
    });
    forget.action((extension: string) => {
      const count = view.forget(extension);
      if (count === 0) throw noDevice(extension);
      output.write(`${count === 1 ? '1 device is' : `${count} devices are`} logged out.\n`);
    });
    return command;
  }
  withRunningBox(list)
    .addHelpText('after', examples('ringdown devices list --data /data/ringdown', 'ringdown devices list 201 --data …'))
    .action(async (extension: string | undefined, { json, ...box }: BoxValues & { json?: boolean }) => {
      const words = ['devices', 'list', ...(extension === undefined ? [] : [extension])];
      output.write(await askBox(box, [...words, ...(json === true ? ['--json'] : [])]));
    });
  withRunningBox(forget)
    .addHelpText('after', examples('ringdown devices forget 201 --data /data/ringdown'))
    .action(async (extension: string, box: BoxValues) => {
      output.write(await askBox(box, ['devices', 'forget', extension]));
    });
  return command;
}

/** Of a serial terminal, less the indent of `status`. */
const LINE_CHARACTERS = 77;
/** A shorter piece of a user agent says nothing. */
const MIN_USER_AGENT_CHARACTERS = 8;

/** One line, for a person, which ends where a terminal does; the whole user agent is for --json. */
export function formatDevice(device: RegisteredDevice): string {
  const { extension, deviceClass, via, expiresInSeconds, isReachable, userAgent } = device;
  const parts = [extension, deviceClass, via, `for ${expiresInSeconds} s`];
  if (!isReachable) parts.push('connection gone');
  const line = parts.join('  ');
  const room = LINE_CHARACTERS - line.length - 2;
  if (userAgent === undefined || room < MIN_USER_AGENT_CHARACTERS) return line;
  const shown = printable(userAgent);
  return `${line}  ${shown.length <= room ? shown : `${shown.slice(0, room - 2)}..`}`;
}

function noDevice(extension: string): RingdownError {
  return new RingdownError(
    'DEVICES_NONE',
    `no device is registered as ${JSON.stringify(extension.slice(0, 40))}`,
    'See: devices list.',
  );
}

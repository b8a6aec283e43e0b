import { isIP } from 'node:net';
import type { Writable } from 'node:stream';
import { Command, Option } from 'commander';
import { CODECS } from '../../call/negotiation.ts';
import { ConfigurationStore } from '../../config/configuration-store.ts';
import type { SystemSettings } from '../../config/system-repository.ts';
import { UsageError } from '../../core/errors.ts';
import { effectiveSettings } from '../../phones/effective-settings.ts';
import { renderSettings, WORKPLACE_MODELS, type WorkplaceModel } from '../../phones/settings-file.ts';
import type { SettingsInput } from '../../phones/settings-input.ts';

export interface SettingsCommandOptions {
  /** Standard output unless given. */
  readonly output?: Writable;
}

interface Values {
  readonly model: WorkplaceModel;
  readonly data: string;
  readonly address: string;
  readonly sipPort: string;
  readonly sipsPort: string;
  readonly httpPort: string;
  readonly httpsPort: string;
  readonly mediaPorts?: string;
}

/** `ringdown settings …`: what phones are told, and why. */
export function settingsCommand(options: SettingsCommandOptions = {}): Command {
  const output = options.output ?? process.stdout;
  const command = new Command('settings').description('the settings files that the box makes for phones');
  command
    .command('render')
    .description(
      'prints what a client of one model takes from 46xxsettings.txt: the SET lines on its path through the file, in ' +
        'order, each section under a comment. The whole file is what the box serves over HTTP.',
    )
    .addOption(
      new Option('--model <model>', 'Workplace on Android, iOS, macOS or Windows')
        .choices(WORKPLACE_MODELS)
        .makeOptionMandatory(),
    )
    .requiredOption('--data <dir>', 'the data directory of the box')
    .option('--address <address>', 'the address by which the client reaches the box', '192.168.42.1')
    .option('--sip-port <port>', 'as given to serve', '5060')
    .option('--sips-port <port>', 'as given to serve', '5061')
    .option('--http-port <port>', 'as given to serve', '80')
    .option('--https-port <port>', 'as given to serve', '443')
    .option('--media-ports <low-high>', 'as given to serve (default: as configured)')
    .addHelpText(
      'after',
      `
Examples:
  ringdown settings render --model acw --data /data/ringdown
  ringdown settings render --model aci --address fd00:42::1 --data /data/ringdown
`,
    )
    .action((values: Values, self: Command) => {
      const text = renderSettings(settingsInput(values, readSystem(values.data), version(self)));
      const header = text.slice(0, text.indexOf('\n') + 1);
      output.write(header + effectiveSettings(text, values.model));
    });
  return command;
}

function readSystem(directory: string): SystemSettings {
  const store = ConfigurationStore.openExisting(directory);
  try {
    return store.system.get();
  } finally {
    store.close();
  }
}

function settingsInput(values: Values, system: SystemSettings, version: string): SettingsInput {
  if (isIP(values.address) === 0) {
    throw new UsageError(
      'SETTINGS_OPTION_INVALID',
      `--address ${JSON.stringify(values.address.slice(0, 80))} is no IP address`,
      'Give an IPv4 or IPv6 address of the box, without brackets.',
    );
  }
  const sipPort = readPort('--sip-port', values.sipPort);
  return {
    version,
    address: values.address,
    system,
    ports: {
      sipUdp: sipPort,
      sipTcp: sipPort,
      sipTls: readPort('--sips-port', values.sipsPort),
      http: readPort('--http-port', values.httpPort),
      https: readPort('--https-port', values.httpsPort),
    },
    mediaPorts:
      values.mediaPorts === undefined
        ? { low: system.mediaPortLow, high: system.mediaPortHigh }
        : readRange(values.mediaPorts),
    codecs: CODECS,
  };
}

function readPort(option: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65535) return port;
  throw invalid(option, text, 'Give a number from 1 to 65535.');
}

function readRange(text: string): { low: number; high: number } {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  const low = Number(match?.[1]);
  const high = Number(match?.[2]);
  if (match !== null && low >= 1024 && high <= 65535 && low < high) return { low, high };
  throw invalid('--media-ports', text, 'Give LOW-HIGH from 1024 to 65535, as 46750-50750.');
}

function invalid(option: string, text: string, cure: string): UsageError {
  return new UsageError('SETTINGS_OPTION_INVALID', `${option} ${JSON.stringify(text.slice(0, 80))} is not valid`, cure);
}

/** The program's own: its root command knows it. */
function version(command: Command): string {
  let root = command;
  while (root.parent !== null) root = root.parent;
  return root.version() ?? 'unversioned';
}

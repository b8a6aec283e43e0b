import { isIP } from 'node:net';
import type { Writable } from 'node:stream';
import { Command, Option } from 'commander';
import { ConfigurationStore } from '../../config/configuration-store.ts';
import type { SystemSettings } from '../../config/schema/configuration.ts';
import { effectiveSettings } from '../../phones/effective-settings.ts';
import { renderSettings, WORKPLACE_MODELS, type WorkplaceModel } from '../../phones/settings-file.ts';
import type { SettingsInput } from '../../phones/settings-input.ts';
import { invalidOption, readMediaPorts, readPort } from './ports.ts';

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
    return store.current.system;
  } finally {
    store.close();
  }
}

function settingsInput(values: Values, system: SystemSettings, version: string): SettingsInput {
  if (isIP(values.address) === 0) {
    throw invalidOption('--address', values.address, 'Give an IPv4 or IPv6 address of the box, without brackets.');
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
        ? { low: system.media.portLow, high: system.media.portHigh }
        : readMediaPorts('--media-ports', values.mediaPorts),
    codecs: system.media.codecs,
  };
}

/** The program's own: its root command knows it. */
function version(command: Command): string {
  let root = command;
  while (root.parent !== null) root = root.parent;
  return root.version() ?? 'unversioned';
}

import { isIP, isIPv6 } from 'node:net';
import { Command, Option } from 'commander';
import type { Configuration } from '../../config/schema/configuration.ts';
import { PROFILES, type Profile } from '../../config/schema/user.ts';
import { clientVariables, effectiveSettings } from '../../phones/effective-settings.ts';
import { explainSettings, formatJumps } from '../../phones/explanation.ts';
import { describeWarnings } from '../../phones/language/report.ts';
import { MODELS, type Model } from '../../phones/models.ts';
import { generatedPhoneFiles } from '../../phones/phone-files.ts';
import { settingsWarnings } from '../../phones/settings-facts.ts';
import { renderSettings } from '../../phones/settings-file.ts';
import { configuredPorts, type SettingsInput } from '../../phones/settings-input.ts';
import { StaticPhoneFiles } from '../../phones/static-files.ts';
import { type CommandContext, examples, withConfiguration, withData } from './context.ts';
import { invalidOption, readGroup, readMediaPorts, readPort } from './ports.ts';
import { addCheckCommands } from './settings-check.ts';

interface Values {
  readonly model: Model;
  readonly data?: string;
  readonly group: string;
  readonly lan: '1' | '2';
  readonly address?: string;
  readonly ipv6?: boolean;
  readonly remote?: boolean;
  readonly userAgent: string;
  readonly profile?: Profile;
  readonly whole?: boolean;
  readonly json?: boolean;
  readonly sipPort?: string;
  readonly sipsPort?: string;
  readonly httpPort?: string;
  readonly httpsPort?: string;
  readonly mediaPorts?: string;
}

/** Longer is no User-Agent of a phone. */
const MAX_USER_AGENT_CHARACTERS = 256;

/** `ringdown settings …`: what phones are told, and why. */
export function settingsCommand(context: CommandContext): Command {
  const command = new Command('settings').description('the settings files that the box makes for phones');
  addRender(command, context);
  addExplain(command, context);
  return addCheckCommands(command, context);
}

function addRender(command: Command, context: CommandContext): void {
  clientOptions(withData(command.command('render'), context))
    .description(
      'prints what a client of one model takes from 46xxsettings.txt: the SET lines on its path through the file, in ' +
        'order, each section under a comment; with --whole the file as the box serves it',
    )
    .option('--whole', 'the whole file, with the lines that the model passes over')
    .addHelpText(
      'after',
      examples(
        'ringdown settings render --model acw --data /data/ringdown',
        'ringdown settings render --model aci --lan 2 --ipv6 --address fd00:42::1 --data /data/ringdown',
        'ringdown settings render --model J179 --group 2 --remote --data /data/ringdown',
      ),
    )
    .action(async (values: Values, self: Command) => {
      const input = await readInput(context, values, self);
      warn(context, settingsWarnings(input));
      const text = renderSettings(input);
      const header = text.slice(0, text.indexOf('\n') + 1);
      const variables = clientVariables(values.model, readGroup(values.group));
      context.output.write(values.whole === true ? text : header + effectiveSettings(text, variables));
    });
}

function addExplain(command: Command, context: CommandContext): void {
  clientOptions(withData(command.command('explain [name]'), context))
    .description(
      'prints every setting that a client of one model ends up with, the specials included: the value, the file and line ' +
        'that set it, the section of that line, the jumps that led there, and what made it: a field of the configuration, a source number, the ' +
        'request, or a fixed rule; with a name that setting alone',
    )
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      examples(
        'ringdown settings explain --model acw --data /data/ringdown',
        'ringdown settings explain SIP_CONTROLLER_LIST --model J179 --remote --data /data/ringdown',
      ),
    )
    .action(async (name: string | undefined, values: Values, self: Command) => {
      const input = await readInput(context, values, self);
      const { settings, warnings } = explain(context, values, input);
      const chosen = name === undefined ? settings : settings.filter((setting) => setting.name === name.toUpperCase());
      warn(context, settingsWarnings(input));
      context.errors.write(describeWarnings(warnings));
      if (values.json === true) context.output.write(`${JSON.stringify(chosen, undefined, 2)}\n`);
      else if (name !== undefined && chosen.length === 0) {
        context.output.write(`${name} is not set for ${values.model}: it keeps its default.\n`);
      } else {
        for (const { name: setting, value, file, line, section, path, why } of chosen) {
          const where = `${file}:${line}${section === '' ? '' : `, section ${section}`}`;
          const way = path.length === 0 ? '' : `    by ${formatJumps(path)}\n`;
          context.output.write(`${setting} ${JSON.stringify(value)}\n    ${where}\n${way}    from ${why}\n`);
        }
      }
    });
}

function clientOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--model <model>',
        'as the client calls itself: aca, aci, acm and acw are Workplace on Android, iOS, macOS and Windows',
      )
        .choices(MODELS)
        .makeOptionMandatory(),
    )
    .option('--group <number>', 'the group that is set on the phone, 0 to 999', '0')
    .addOption(new Option('--lan <lan>', 'the LAN that the client comes from').choices(['1', '2']).default('1'))
    .option('--address <address>', 'the address by which it reaches the box (default: that of the LAN)')
    .option('--ipv6', 'it comes over IPv6')
    .option('--remote', 'it is outside of the office')
    .option('--user-agent <text>', 'as it names itself over HTTP', '')
    .addOption(new Option('--profile <profile>', 'of its user, as if it had proved who it is').choices(PROFILES))
    .option('--sip-port <port>', 'as given to serve (default: as configured)')
    .option('--sips-port <port>', 'as given to serve (default: as configured)')
    .option('--http-port <port>', 'as given to serve (default: 80)')
    .option('--https-port <port>', 'as given to serve (default: 443)')
    .option('--media-ports <low-high>', 'as given to serve (default: as configured)');
}

async function readInput(context: CommandContext, values: Values, self: Command): Promise<SettingsInput> {
  const configuration = await withConfiguration(context, values.data, ({ store }) => store.current);
  const { system } = configuration;
  const port = (option: string, text: string | undefined) => (text === undefined ? undefined : readPort(option, text));
  const sip = port('--sip-port', values.sipPort);
  const sipTls = port('--sips-port', values.sipsPort);
  const http = port('--http-port', values.httpPort);
  const https = port('--https-port', values.httpsPort);
  const lan = values.lan === '1' ? 'lan1' : 'lan2';
  if (values.userAgent.length > MAX_USER_AGENT_CHARACTERS) {
    throw invalidOption('--user-agent', values.userAgent, `Give ${MAX_USER_AGENT_CHARACTERS} characters at most.`);
  }
  return {
    version: version(self),
    configuration,
    client: {
      address: readAddress(values, configuration[lan]),
      lan,
      isRemote: values.remote === true,
      userAgent: values.userAgent,
      profile: values.profile,
    },
    ports: {
      ...configuredPorts(system),
      ...(sip === undefined ? {} : { sipUdp: sip, sipTcp: sip }),
      ...(sipTls === undefined ? {} : { sipTls }),
      ...(http === undefined ? {} : { http }),
      ...(https === undefined ? {} : { https }),
    },
    mediaPorts:
      values.mediaPorts === undefined
        ? { low: system.media.portLow, high: system.media.portHigh }
        : readMediaPorts('--media-ports', values.mediaPorts),
    year: new Date().getUTCFullYear(),
  };
}

function readAddress({ address, ipv6 }: Values, lan: Configuration['lan1']): string {
  if (address !== undefined) {
    if (isIP(address) === 0 || (ipv6 === true && !isIPv6(address))) {
      const family = ipv6 === true ? 'IPv6' : 'IPv4 or IPv6';
      throw invalidOption('--address', address, `Give an ${family} address of the box, without brackets.`);
    }
    return address;
  }
  if (ipv6 !== true) return lan.ipv4.address;
  const configured = lan.ipv6.mode === 'static' ? lan.ipv6.addresses[0]?.split('/')[0] : undefined;
  if (configured !== undefined) return configured;
  throw invalidOption('--ipv6', '', 'Give the IPv6 address of the box with --address: the configuration names none.');
}

function explain(context: CommandContext, values: Values, input: SettingsInput) {
  // What the box would serve, and nothing that it would not: a link, or a name that is none of a phone's files.
  const uploads = new StaticPhoneFiles(context.runtime?.dataDirectory ?? values.data ?? '');
  const generated = generatedPhoneFiles({
    configuration: () => input.configuration,
    box: () => input,
    rootCertificate: () => undefined,
  });
  return explainSettings({
    input,
    variables: clientVariables(values.model, readGroup(values.group)),
    uploaded: (name) => {
      const file = uploads.get(name);
      return file === undefined ? undefined : Buffer.from(file.body).toString('latin1');
    },
    generated: (name) => {
      const { address, lan, userAgent } = input.client;
      const made = generated({
        name,
        localAddress: address,
        lan,
        remoteAddress: address,
        isSecure: false,
        userAgent,
      });
      return made === undefined ? undefined : String(made.body);
    },
  });
}

function warn(context: CommandContext, warnings: readonly string[]): void {
  for (const warning of warnings) context.errors.write(`Warning: ${warning}\n`);
}

/** The program's own: its root command knows it. */
function version(command: Command): string {
  let root = command;
  while (root.parent !== null) root = root.parent;
  return root.version() ?? 'unversioned';
}

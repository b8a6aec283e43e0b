import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { Command } from 'commander';
import { UsageError } from '../../core/errors.ts';
import type { MakePhoneFile } from '../../phones/phone-file.ts';
import { generatedPhoneFiles } from '../../phones/phone-files.ts';
import { MAX_STATIC_FILE_BYTES, staticFileWarnings } from '../../phones/static-file-rules.ts';
import { StaticPhoneFiles } from '../../phones/static-files.ts';
import { type CommandContext, examples, type OpenConfiguration, withConfiguration, withData } from './context.ts';
import { readInputBytes } from './files.ts';
import { unifiedDiff } from './line-diff.ts';
import { invalidOption } from './ports.ts';
import { printable } from './printable.ts';

interface Values {
  readonly data?: string;
  readonly address?: string;
}

/** Of one upload; a file of another kind has one a line. */
const MAX_WARNINGS = 20;

/**
 * Adds `files …` to `ringdown settings`: the files that people upload in place of generated ones. `generated` makes those
 * of the running box; without it they are made of the configuration, with the ports that are usual.
 */
export function addFileCommands(command: Command, context: CommandContext, generated?: MakePhoneFile): Command {
  const files = command.command('files').description('files that you upload in place of the generated ones');

  withData(files.command('list'), context)
    .description('prints the uploaded files, one a line')
    .addHelpText('after', examples('ringdown settings files list --data /data/ringdown'))
    .action(({ data }: Values) => {
      for (const { name, sizeBytes, modifiedAtMs } of filesOf(context, data).list()) {
        const when = `${new Date(modifiedAtMs).toISOString().slice(0, 19)}Z`;
        context.output.write(`${name.padEnd(24)}  ${String(sizeBytes).padStart(7)} bytes  ${when}\n`);
      }
    });

  withData(files.command('upload <name> <file>'), context)
    .description('serves a file under that name from now on; - is standard input. Phones ask again by and by')
    .addHelpText(
      'after',
      examples(
        'ringdown settings files upload 46xxspecials.txt specials.txt --data /data/ringdown',
        'ringdown settings files upload c81fea83e85a.txt - --data /data/ringdown < reception.txt',
      ),
    )
    .action(async (name: string, file: string, { data }: Values) => {
      const uploads = filesOf(context, data);
      const content = await readInputBytes(context, file, MAX_STATIC_FILE_BYTES);
      uploads.write(name, content);
      const warnings = staticFileWarnings(name, content);
      for (const { line, text } of warnings.slice(0, MAX_WARNINGS)) {
        context.errors.write(`warning: ${name} line ${line}: ${printable(text)}\n`);
      }
      const more = warnings.length - MAX_WARNINGS;
      if (more > 0) context.errors.write(`warning: and ${more} more\n`);
      context.output.write(`${name} is served as uploaded, ${content.length} bytes.\n`);
    });

  withData(files.command('show <name>'), context)
    .description('prints an uploaded file')
    .addHelpText('after', examples('ringdown settings files show 46xxspecials.txt --data /data/ringdown'))
    .action((name: string, { data }: Values) => void context.output.write(filesOf(context, data).read(name)));

  const diff = withData(files.command('diff <name>'), context);
  if (generated === undefined) {
    diff.option('--address <address>', 'the address by which the client reaches the box (default: that of LAN1)');
  }
  diff
    .description('prints how an uploaded file differs from the generated one, as diff -u; nothing where it does not')
    .addHelpText('after', examples('ringdown settings files diff 46xxsettings.txt --data /data/ringdown'))
    .action((name: string, values: Values, self: Command) => printDiff(context, name, values, self, generated));

  withData(files.command('delete <name>'), context)
    .description('removes an uploaded file: the generated one is served again, where there is one')
    .addHelpText('after', examples('ringdown settings files delete 46xxspecials.txt --data /data/ringdown'))
    .action((name: string, { data }: Values) => {
      filesOf(context, data).delete(name);
      context.output.write(`${name} is deleted.\n`);
    });

  return command;
}

async function printDiff(
  context: CommandContext,
  name: string,
  { data, address }: Values,
  command: Command,
  generated: MakePhoneFile | undefined,
): Promise<void> {
  if (address !== undefined && isIP(address) === 0) {
    throw invalidOption('--address', address, 'Give an IPv4 or IPv6 address of the box, without brackets.');
  }
  const uploaded = filesOf(context, data).read(name);
  await withConfiguration(context, data, (opened) => {
    const make = generated ?? usualFiles(opened, versionOf(command));
    const localAddress = address ?? opened.store.current.lan1.ipv4.address;
    const file = make({ name, localAddress, lan: 'lan1', remoteAddress: '', isSecure: false, userAgent: '' });
    const before = file === undefined ? '' : file.body.toString();
    const names = [file === undefined ? 'nothing is generated' : `generated/${name}`, `uploaded/${name}`] as const;
    // Bytes of another code page come out as they came in.
    context.output.write(Buffer.from(unifiedDiff(before, uploaded.toString('latin1'), names), 'latin1'));
  });
}

/** As a box makes them that runs with the ports that are usual. */
function usualFiles({ store, dataDirectory }: OpenConfiguration, version: string): MakePhoneFile {
  const { media } = store.current.system;
  return generatedPhoneFiles({
    configuration: () => store.current,
    box: () => ({
      version,
      ports: { sipUdp: 5060, sipTcp: 5060, sipTls: 5061, http: 80, https: 443 },
      mediaPorts: { low: media.portLow, high: media.portHigh },
      year: new Date().getUTCFullYear(),
    }),
    rootCertificate: () => {
      const file = join(dataDirectory, 'certificates', 'authority.pem');
      const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
      return /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n?/.exec(text)?.[0];
    },
  });
}

function filesOf({ runtime }: CommandContext, data = ''): StaticPhoneFiles {
  const directory = runtime?.dataDirectory ?? data;
  if (existsSync(directory)) return new StaticPhoneFiles(directory);
  throw new UsageError('CONFIG_DATA_NOT_FOUND', `there is no configuration in ${directory}`, 'Check --data.');
}

function versionOf(command: Command): string {
  let root = command;
  while (root.parent !== null) root = root.parent;
  return root.version() ?? 'unversioned';
}

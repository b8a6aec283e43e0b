/** The program `ringdown`: which subcommands there are, how a mistake is told, what signals do. */
import { constants } from 'node:os';
import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { backupCommand } from './console/commands/backup.ts';
import { callCommand } from './console/commands/call.ts';
import { callsCommand } from './console/commands/calls.ts';
import { configCommand } from './console/commands/config.ts';
import { commandLineContext } from './console/commands/context.ts';
import { defenceCommand } from './console/commands/defence.ts';
import { devicesCommand } from './console/commands/devices.ts';
import { extensionCommand } from './console/commands/extension.ts';
import { groupsCommand } from './console/commands/groups.ts';
import { linesCommand } from './console/commands/lines.ts';
import { mailboxCommand } from './console/commands/mailbox.ts';
import { noticesCommand } from './console/commands/notices.ts';
import { settingsCommand } from './console/commands/settings.ts';
import { addFileCommands } from './console/commands/settings-files.ts';
import { addRequestsCommand } from './console/commands/settings-requests.ts';
import { traceCommand } from './console/commands/trace.ts';
import { usersCommand } from './console/commands/users.ts';
import { runConsole } from './console/console.ts';
import { RingdownError, UsageError } from './core/errors.ts';
import { createLogger } from './core/logger.ts';
import { Runtime, type RuntimeOptions } from './runtime.ts';
import { serveCommand } from './serve-options.ts';

const EXIT_USAGE = 2;
const EXIT_FAILURE = 1;
/** As a shell says it of a program that SIGPIPE ended. */
const EXIT_CLOSED_PIPE = 128 + constants.signals.SIGPIPE;

const { version } = packageJson;

async function serve(options: RuntimeOptions, logLevel: string): Promise<void> {
  const logger = createLogger(logLevel);
  const opening = Runtime.open(options, version, logger);
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) {
      // A person who presses Ctrl-C again does not want to wait; a supervisor that repeats itself changes nothing.
      if (signal === 'SIGINT') process.exit(EXIT_FAILURE);
      return;
    }
    stopping = true;
    logger.info({ signal }, 'stopping');
    // Also while it still comes up: databases are closed as they should be.
    opening
      .then((runtime) => runtime.close())
      .then(
        () => process.exit(0),
        (error: unknown) => {
          logger.error({ err: error }, 'stopped badly');
          process.exit(EXIT_FAILURE);
        },
      );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  await opening;
}

function consoleCommand(): Command {
  return new Command('console')
    .description('the maintenance console: asks for a login, then for commands')
    .requiredOption('--data <dir>', "where the console keeps its password: its own directory, not the service's")
    .requiredOption('--control <path>', "the service's control socket")
    .option('--power <path>', 'named pipe of the service that reboots the box')
    .option('--network <dir>', 'directory with a file of addresses for each LAN')
    .action(({ data, control, power, network }: Record<string, string | undefined>) =>
      runConsole(
        {
          dataDirectory: data ?? '',
          controlPath: control ?? '',
          ...(power === undefined ? {} : { powerPath: power }),
          ...(network === undefined ? {} : { networkDirectory: network }),
          version,
        },
        process.stdin,
        process.stdout,
      ),
    );
}

/** Every subcommand inherits how mistakes are shown: commander copies it only to commands that it made itself. */
function configure(command: Command): Command {
  command
    .exitOverride()
    .showSuggestionAfterError(false)
    .helpCommand(false)
    .configureOutput({
      outputError: (text, write) => {
        const line = text.replace(/^error: /, '').trim();
        write(`ringdown: ${line}. See: ringdown ${path(command)}--help\n`);
      },
    });
  command.commands.map(configure);
  return command;
}

function path(command: Command): string {
  return command.parent === null ? '' : `${path(command.parent)}${command.name()} `;
}

/** Who reads the output may have seen enough, as `head` does: that is no failure to tell. */
function endWithReader(stream: NodeJS.WriteStream): void {
  stream.on('error', (error) => {
    if (isClosedPipe(error)) process.exit(EXIT_CLOSED_PIPE);
    throw error;
  });
}

function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EPIPE';
}

async function main(): Promise<void> {
  endWithReader(process.stdout);
  endWithReader(process.stderr);
  const context = commandLineContext();
  const program = new Command('ringdown')
    .description('The open firmware of a small-office telephone box.')
    .version(version, '--version', 'prints the version')
    .addCommand(serveCommand(serve))
    .addCommand(extensionCommand(context))
    .addCommand(configCommand(context))
    .addCommand(backupCommand(context))
    .addCommand(noticesCommand(context))
    .addCommand(usersCommand(context))
    .addCommand(addRequestsCommand(addFileCommands(settingsCommand(context), context), context))
    .addCommand(devicesCommand(context))
    .addCommand(callCommand(context))
    .addCommand(callsCommand(context))
    .addCommand(mailboxCommand(context))
    .addCommand(groupsCommand(context))
    .addCommand(linesCommand(context))
    .addCommand(defenceCommand(context))
    .addCommand(traceCommand(context))
    .addCommand(consoleCommand());
  try {
    await configure(program).parseAsync();
  } catch (error) {
    process.exitCode = report(error);
    // What was opened before the mistake was found must not keep the program alive.
    setImmediate(() => process.exit());
  }
}

/** One clear line on standard error; the exit status. */
function report(error: unknown): number {
  if (isClosedPipe(error)) return EXIT_CLOSED_PIPE;
  if (error instanceof CommanderError) {
    // Help and version have been printed; without a subcommand the help has, to standard error.
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
  if (error instanceof RingdownError) {
    process.stderr.write(`ringdown: ${error.message}. ${error.cure}\n`);
    return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILURE;
  }
  process.stderr.write(`ringdown: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return EXIT_FAILURE;
}

void main();

import { closeSync, constants, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { MIN_PASSWORD_CHARACTERS } from '../config/secrets/rules.ts';
import { RingdownError } from '../core/errors.ts';
import { askForInput } from './command-input.ts';
import { requestCommand, streamCommand } from './control.ts';
import { ACCOUNT, type PasswordFile, passwordFileIn } from './password-file.ts';
import { Terminal, TerminalClosed } from './terminal.ts';
import { splitWords } from './words.ts';

export interface ConsoleOptions {
  /** Where the console keeps its password. */
  readonly dataDirectory: string;
  /** The runtime's control socket. */
  readonly controlPath: string;
  /** The named pipe of the service that may reboot the box; undefined where there is no such service. */
  readonly powerPath?: string;
  /** Folder with a file of addresses for each LAN, one address a line; shown before the login. */
  readonly networkDirectory?: string;
  readonly version: string;
}

const IDLE_MS = 15 * 60_000;
/** A wrong password costs the next try this much, doubling up to the limit. */
const FIRST_PENALTY_MS = 1000;
const MAX_PENALTY_MS = 30_000;

const HELP = `status                              what runs: listeners, registered devices, lines, calls
extension list                      the extensions
extension add NUMBER --name NAME    a new extension; prints its password once
extension password NUMBER           a new password for an extension; prints it once
extension remove NUMBER             removes an extension
devices list [NUMBER]               who is registered from where, with what
devices forget NUMBER               logs the devices of an extension out
groups list                         hunt groups: what each member does, calls that wait
lines list                          lines to carriers: state, why, calls, last answer
call explain --from N --dial N      where a call would go, and why, without calling
config show [PATH]                  the configuration, or a part of it
config set PATH VALUE               changes it; the value - is asked for, secrets unseen
config unset PATH                   removes an item, gives a value its default
config export                       prints all of it as a file
config import -, check -            takes over a file that is pasted, or looks it through
users import -                      many users at once, from a pasted CSV file
config log, diff, rollback          the edits: what each changed, and taking them back
config confirm                      keeps new LAN addresses, which else go back after two minutes
backup list                         the backups of the configuration
backup create                       makes a backup
backup verify [NAME]                looks through a backup, or all of them
backup restore NAME                 makes the configuration what it was in a backup
calls list [--user NUMBER]          the newest calls, or a user's call log
calls export                        call records as CSV
mailbox status                      how full the mailboxes are
mailbox list [--user NUMBER]        the voice messages
mailbox delete ID                   removes a voice message
trace [FILTER]                      SIP messages as they come and go, until a key is pressed
defence list                        addresses that get no answer, and why
defence unblock ADDRESS             answers one of them again
settings requests                   who fetched which file, what was served and why
settings files list                 files uploaded in place of generated ones
settings files upload NAME -        serves a file that you paste
settings files diff, show, delete   what is uploaded, and taking it away
notices [--clear]                   what the box has to tell; --clear takes note of it
network                             the addresses of LAN1 and LAN2
password                            changes the console's password
reboot, poweroff                    restarts or stops the box; calls end
logout                              ends this session
COMMAND --help                      more about a command of the telephone service
`;

/**
 * One session of the maintenance console, from the login to the logout. Resolves when the person leaves; whoever started
 * it starts it again. It needs the runtime only for the commands that ask it something.
 */
export async function runConsole(
  options: ConsoleOptions,
  input: NodeJS.ReadStream,
  output: NodeJS.WriteStream,
): Promise<void> {
  const terminal = new Terminal(input, output, IDLE_MS);
  const passwords = passwordFileIn(options.dataDirectory);
  try {
    terminal.write(`\nRingdown ${options.version}\n${networkLines(options)}\n`);
    await logIn(terminal, passwords);
    terminal.write(`${await notices(options)}Type help for the commands.\n`);
    while (await runLine(await terminal.ask('ringdown> '), terminal, passwords, options));
  } catch (error) {
    if (!(error instanceof TerminalClosed)) throw error;
  } finally {
    terminal.close();
  }
}

async function logIn(terminal: Terminal, passwords: PasswordFile): Promise<void> {
  let penaltyMs = FIRST_PENALTY_MS;
  for (;;) {
    if (!passwords.isSet()) terminal.write(`Nobody has logged in yet: log in as ${ACCOUNT} and set the password.\n`);
    const name = (await terminal.ask('ringdown login: ')).trim();
    if (name === '') continue;
    if (!passwords.isSet() && name === ACCOUNT) {
      if (await setPassword(terminal, passwords)) return;
      continue;
    }
    const password = await terminal.ask('Password: ', { hidden: true });
    // The password is checked for an unknown name too, so that both take the same time.
    const right = await passwords.verify(password);
    if (right && name === ACCOUNT) return;
    await new Promise((resolve) => setTimeout(resolve, penaltyMs));
    penaltyMs = Math.min(penaltyMs * 2, MAX_PENALTY_MS);
    terminal.write('Login incorrect\n');
  }
}

async function setPassword(terminal: Terminal, passwords: PasswordFile): Promise<boolean> {
  const first = await terminal.ask(`New password (${MIN_PASSWORD_CHARACTERS} characters or more): `, { hidden: true });
  const second = await terminal.ask('Again: ', { hidden: true });
  if (first !== second) {
    terminal.write('The two differ; nothing was changed.\n');
    return false;
  }
  try {
    await passwords.set(first);
  } catch (error) {
    terminal.write(describe(error));
    return false;
  }
  terminal.write('The password is set.\n');
  return true;
}

/** Runs one line; false when it was the logout. */
async function runLine(
  line: string,
  terminal: Terminal,
  passwords: PasswordFile,
  options: ConsoleOptions,
): Promise<boolean> {
  try {
    const words = splitWords(line);
    const [command] = words;
    if (command === undefined) return true;
    if (command === 'logout' || command === 'exit') return false;
    if (command === 'help' || command === '?') terminal.write(HELP);
    else if (command === 'network') terminal.write(networkLines(options) || 'No LAN has an address.\n');
    else if (command === 'trace' && !words.includes('--help')) await watchTrace(words, terminal, options);
    else if (command === 'password') await changePassword(terminal, passwords);
    else if (command === 'reboot' || command === 'poweroff') await requestPower(command, terminal, options);
    else {
      const input = await askForInput(words, terminal);
      if (input === undefined) return true;
      const result = await requestCommand(options.controlPath, words, input);
      terminal.write(result.output + result.errors);
    }
  } catch (error) {
    if (error instanceof TerminalClosed) throw error;
    terminal.write(describe(error));
  }
  return true;
}

/** Shows what a command prints that goes on, until a key is pressed. */
async function watchTrace(words: readonly string[], terminal: Terminal, options: ConsoleOptions): Promise<void> {
  terminal.write('Any key ends the trace.\n');
  const ended = new AbortController();
  const stop = new AbortController();
  const streaming = streamCommand(options.controlPath, words, terminal.screen, stop.signal).finally(() =>
    ended.abort(),
  );
  // Whichever comes first ends the other; a failure is told below.
  streaming.catch(() => undefined);
  await terminal.anyKey(ended.signal);
  stop.abort();
  const { output, errors } = await streaming;
  terminal.write(output + errors);
}

async function changePassword(terminal: Terminal, passwords: PasswordFile): Promise<void> {
  const old = await terminal.ask('Present password: ', { hidden: true });
  if (await passwords.verify(old)) await setPassword(terminal, passwords);
  else terminal.write('That is not the present password; nothing was changed.\n');
}

async function requestPower(command: string, terminal: Terminal, options: ConsoleOptions): Promise<void> {
  if (options.powerPath === undefined) {
    terminal.write(`There is no power service here: ${command} is for the box.\n`);
    return;
  }
  const answer = await terminal.ask(`Calls in progress end. ${command} now? [y/N] `);
  if (answer.trim().toLowerCase() !== 'y') return;
  // Without O_NONBLOCK this would wait for ever for a power service that does not run.
  const pipe = openSync(options.powerPath, constants.O_WRONLY | constants.O_NONBLOCK);
  try {
    writeSync(pipe, `${command}\n`);
  } finally {
    closeSync(pipe);
  }
  terminal.write('The box is going down.\n');
}

/** What the box has to tell; without the service nothing, and the first command says that it does not answer. */
async function notices({ controlPath }: ConsoleOptions): Promise<string> {
  try {
    const { status, output } = await requestCommand(controlPath, ['notices']);
    return status === 0 ? output : '';
  } catch {
    return '';
  }
}

/** One line for each LAN, as the running system has it. */
function networkLines(options: ConsoleOptions): string {
  if (options.networkDirectory === undefined) return '';
  let text = '';
  try {
    const names = readdirSync(options.networkDirectory).filter((name) => /^lan\d$/.test(name));
    for (const name of names.sort()) {
      const addresses = readFileSync(`${options.networkDirectory}/${name}`, 'utf8').trim().split('\n');
      text += `${name.toUpperCase()} ${addresses.join(' ')}\n`;
    }
  } catch (error) {
    return describe(error);
  }
  return text;
}

function describe(error: unknown): string {
  if (error instanceof RingdownError) return `${error.message}. ${error.cure}\n`;
  return `${error instanceof Error ? error.message : String(error)}\n`;
}

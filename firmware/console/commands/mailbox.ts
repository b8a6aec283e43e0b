import { Command } from 'commander';
import type { VoiceMessage } from '../../call/mailbox/message.ts';
import type { MessageStore } from '../../call/mailbox/message-store.ts';
import { RingdownError } from '../../core/errors.ts';
import { type CommandContext, examples } from './context.ts';
import { printable } from './printable.ts';
import { askBox, type BoxValues, withRunningBox } from './running-box.ts';

interface ListValues extends BoxValues {
  readonly user?: string;
  readonly json?: boolean;
}

type Mailboxes = Pick<MessageStore, 'list' | 'delete' | 'durationMs' | 'freeBytes'>;

/** `ringdown mailbox`: only the running box deals with messages; inside it `mailboxes` are they, the command line asks it. */
export function mailboxCommand(context: CommandContext, mailboxes?: Mailboxes): Command {
  const { output } = context;
  const command = new Command('mailbox').description('voice messages');
  const list = command
    .command('list')
    .description('prints when each message came, whether it is new, how long it is, and from whom')
    .option('--user <number>', 'of one user')
    .option('--json', 'one JSON object a line');
  const remove = command.command('delete <id>').description('removes a message for good');
  const status = command.command('status').description('how many messages each user has, and how much room there is');
  if (mailboxes !== undefined) {
    list.action(({ user, json }: ListValues) => {
      const messages = mailboxes.list(user);
      if (json === true) for (const message of messages) output.write(`${JSON.stringify(message)}\n`);
      else if (messages.length === 0) output.write('No messages.\n');
      else for (const message of messages) output.write(formatMessage(message));
    });
    remove.action((id: string) => {
      if (!mailboxes.delete(id)) throw noMessage(id);
      output.write('The message is deleted.\n');
    });
    status.action(() => {
      output.write(formatStatus(mailboxes));
    });
    return command;
  }
  withRunningBox(list)
    .addHelpText('after', examples('ringdown mailbox list --user 201 --data /data/ringdown'))
    .action(async ({ user, json, ...box }: ListValues) => {
      const words = [...(user === undefined ? [] : ['--user', user]), ...(json === true ? ['--json'] : [])];
      output.write(await askBox(box, ['mailbox', 'list', ...words]));
    });
  withRunningBox(remove)
    .addHelpText('after', examples('ringdown mailbox delete m0lq3k9f2a1b2c3d4e5 --data /data/ringdown'))
    .action(async (id: string, box: BoxValues) => {
      output.write(await askBox(box, ['mailbox', 'delete', id]));
    });
  withRunningBox(status)
    .addHelpText('after', examples('ringdown mailbox status --data /data/ringdown'))
    .action(async (box: BoxValues) => {
      output.write(await askBox(box, ['mailbox', 'status']));
    });
  return command;
}

function formatMessage({ id, user, receivedAtMs, durationMs, isOld, callerNumber, callerName }: VoiceMessage): string {
  const moment = new Date(receivedAtMs).toISOString().slice(0, 19).replace('T', ' ');
  const from = callerNumber === '' ? 'unknown' : `${callerNumber} ${callerName}`.trim();
  return `${id}  ${user}  ${moment}  ${isOld ? 'old' : 'new'}  ${timeOf(durationMs)}  ${printable(from)}\n`;
}

function formatStatus(mailboxes: Mailboxes): string {
  const messages = mailboxes.list();
  const users = [...new Set(messages.map(({ user }) => user))];
  const lines = users.map((user) => {
    const own = messages.filter((message) => message.user === user);
    const fresh = own.filter(({ isOld }) => !isOld).length;
    return `${user}  ${fresh} new  ${own.length - fresh} old  ${timeOf(mailboxes.durationMs(user))}\n`;
  });
  const total = `${messages.length} messages, ${timeOf(mailboxes.durationMs())} in all\n`;
  return `${lines.join('')}${total}${Math.floor(mailboxes.freeBytes() / 1e6)} MB free on the disk\n`;
}

function timeOf(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function noMessage(id: string): RingdownError {
  return new RingdownError(
    'MAILBOX_NO_MESSAGE',
    `there is no message ${JSON.stringify(id.slice(0, 40))}`,
    'See: mailbox list.',
  );
}

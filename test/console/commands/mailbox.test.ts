import t from 'tap';
import type { VoiceMessage } from '../../../firmware/call/mailbox/message.ts';
import { mailboxCommand } from '../../../firmware/console/commands/mailbox.ts';
import { runCommand } from './run-command.ts';

const MESSAGE: VoiceMessage = {
  ...{ id: 'm0lq3k9f2a1b2c3d4e5', user: '201', callerNumber: '202', callerName: 'Work\x1b[2Jshop' },
  ...{ receivedAtMs: 1_700_000_000_000, durationMs: 65_400, sizeBytes: 1, isOld: false },
};

function run(messages: VoiceMessage[], ...words: readonly string[]) {
  const mailboxes = {
    list: (user?: string) => messages.filter((message) => user === undefined || message.user === user),
    delete: (id: string) => {
      const at = messages.findIndex((message) => message.id === id);
      if (at >= 0) messages.splice(at, 1);
      return at >= 0;
    },
    durationMs: () => 65_400,
    freeBytes: () => 123_456_789,
  };
  return runCommand((context) => mailboxCommand(context, mailboxes), { words });
}

t.test('list, status and delete', async (t) => {
  const messages = [MESSAGE, { ...MESSAGE, id: 'm2', isOld: true, callerNumber: '' }];
  const { output } = await run(messages, 'list');
  t.match(
    output,
    /^m0lq3k9f2a1b2c3d4e5 {2}201 {2}2023-11-14 22:13:20 {2}new {2}1:05 {2}202 Work.*shop\nm2 .* old .*unknown\n$/,
  );
  t.notMatch(output, '\x1b');
  t.equal((await run(messages, 'list', '--user', '202')).output, 'No messages.\n');
  t.match(JSON.parse((await run(messages, 'list', '--json')).output.split('\n')[0] ?? ''), { id: MESSAGE.id });
  t.equal(
    (await run(messages, 'status')).output,
    '201  1 new  1 old  1:05\n2 messages, 1:05 in all\n123 MB free on the disk\n',
  );
  t.equal((await run(messages, 'delete', 'm2')).output, 'The message is deleted.\n');
  await t.rejects(run(messages, 'delete', 'm2'), { code: 'MAILBOX_NO_MESSAGE' });
});

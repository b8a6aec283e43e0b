import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import t from 'tap';
import type { CommandContext } from '../../../firmware/console/commands/context.ts';
import { addRequestsCommand } from '../../../firmware/console/commands/settings-requests.ts';
import { ControlServer } from '../../../firmware/console/control.ts';
import { runWords } from '../../../firmware/console/run-words.ts';
import { createLogger } from '../../../firmware/core/logger.ts';
import { type LoggedRequest, RequestLog } from '../../../firmware/phones/request-log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { runCommand } from './run-command.ts';

function filledLog(): RequestLog {
  const clock = new FakeClock(Date.UTC(2026, 10, 25, 18, 20));
  const log = new RequestLog(clock);
  const common = { remoteAddress: '192.168.42.50', lan: 'lan1', isSecure: true, method: 'GET' } as const;
  log.add({
    ...common,
    name: '46xxsettings.txt',
    userAgent: 'Avaya Communicator/3.0 \x1b[2J',
    status: 200,
    sentBytes: 6123,
    origin: 'generated',
    why: 'generated for LAN1, IPv4',
  });
  clock.advance(1000);
  const refused = { ...common, lan: undefined, sentBytes: 0, userAgent: '', origin: undefined };
  log.add({ ...refused, isSecure: false, name: '\x1b]0;x\x07.txt', status: 404, why: 'no such name' });
  log.add({ ...refused, isSecure: false, name: '\x1b]0;x\x07.txt', status: 404, why: 'no such name' });
  log.add({ ...refused, method: '', name: '', status: undefined, why: 'unknown ca' });
  return log;
}

const make = (latest?: (limit: number) => readonly LoggedRequest[]) => (context: CommandContext) => {
  const command = addRequestsCommand(new Command('settings'), context, latest);
  for (const each of command.commands) each.exitOverride().configureOutput({ writeErr: () => {} });
  return command;
};

const TEXT = `2026-11-25 18:20:01Z  192.168.42.50  https  no request  no answer  refused: unknown ca
2026-11-25 18:20:01Z  192.168.42.50  http  GET ?]0;x?.txt  404, 0 bytes  refused: no such name, 2 times
2026-11-25 18:20:00Z  192.168.42.50  LAN1 https  GET 46xxsettings.txt  200, 6123 bytes  generated: generated for LAN1, IPv4  "Avaya Communicator/3.0 ?[2J"
`;

t.test('requests are told one a line, the newest first, and steer no terminal', async (t) => {
  const log = filledLog();
  const run = (...words: string[]) =>
    runCommand(
      make((limit) => log.latest(limit)),
      { words: ['requests', ...words] },
    );
  t.equal((await run()).output, TEXT);
  t.equal((await run('--limit', '1')).output, TEXT.slice(0, TEXT.indexOf('\n') + 1));
  const lines = (await run('--json')).output.trimEnd().split('\n');
  t.strictSame(
    lines.map((line) => JSON.parse(line)),
    JSON.parse(JSON.stringify(log.latest())),
  );
  for (const limit of ['0', '1001', '-1', 'x', '1e3', '']) {
    await t.rejects(run('--limit', limit), { code: 'OPTION_INVALID' }, limit);
  }
});

t.test('the command line asks the box that runs', async (t) => {
  // A socket's path is short: one in the folder of this test is not.
  const data = mkdtempSync(join(tmpdir(), 'requests-'));
  t.teardown(() => rmSync(data, { recursive: true, force: true }));
  const log = filledLog();
  const server = await ControlServer.open(
    join(data, 'control.sock'),
    (words, input) =>
      runWords(words, input, undefined, (context) => [
        addRequestsCommand(new Command('settings'), context, (limit) => log.latest(limit)),
      ]),
    createLogger('silent'),
  );
  t.teardown(() => server.close());
  t.equal((await runCommand(make(), { words: ['requests', '--data', data] })).output, TEXT);
  const json = await runCommand(make(), { words: ['requests', '--json', '--limit', '1', '--data', data] });
  t.match(JSON.parse(json.output), { why: 'unknown ca' });
  await server.close();
  await t.rejects(runCommand(make(), { words: ['requests', '--data', data] }), { code: 'CONTROL_UNREACHABLE' });
  await t.rejects(runCommand(make(), { words: ['requests'] }), { code: 'commander.missingMandatoryOptionValue' });

  const old = await ControlServer.open(
    join(data, 'control.sock'),
    async () => ({ status: 2, output: '', errors: "error: unknown command 'settings'\n" }),
    createLogger('silent'),
  );
  t.teardown(() => old.close());
  await t.rejects(runCommand(make(), { words: ['requests', '--data', data] }), { code: 'CONTROL_REFUSED' });
});

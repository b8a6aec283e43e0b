import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { settingsCommand } from '../../../firmware/console/commands/settings.ts';
import { runCommand } from './run-command.ts';

async function run(words: readonly string[], input?: string | Buffer): Promise<string> {
  return (await runCommand(settingsCommand, { words, ...(input === undefined ? {} : { input }) })).output;
}

t.test('lint tells what phones trip on, and fails where there is something to tell', async (t) => {
  t.equal(await run(['lint', '-'], 'SET DSCPAUD 46\n'), 'standard input: nothing to tell.\n');
  const file = join(t.testdir(), 'specials.txt');
  writeFileSync(file, '# A\nSET PHNLANG\nGOTO A\n');
  const failed = run(['lint', file]);
  await t.rejects(failed, { code: 'SETTINGS_LINT', message: /specials\.txt has \d+ warnings/ });
  await t.rejects(run(['lint', '-'], Buffer.alloc(3_000_000, 'SET A 1\n')), { code: 'INPUT_TOO_LONG' });
  await t.rejects(run(['lint', join(t.testdir(), 'none.txt')]), { code: 'INPUT_UNREADABLE' });
});

t.test('diff tells what a model has otherwise, by effect', async (t) => {
  const folder = t.testdir({
    'a.txt': 'IF $MODEL4 SEQ J179 GOTO J\nSET DSCPAUD 46\n# J\nSET DSCPSIG 34\nSET COUNTRY UK\n',
    'b.txt': 'SET COUNTRY UK\nSET DSCPSIG 26\n',
  });
  const [a, b] = [join(folder, 'a.txt'), join(folder, 'b.txt')];
  const text = await run(['diff', a, b, '--model', 'acw']);
  t.match(text, /^- DSCPAUD "?46/m);
  t.match(text, /^~ DSCPSIG "?34.* is now "?26/m);
  t.notMatch(text, /COUNTRY/, 'where a value stands makes no difference');
  t.notMatch(await run(['diff', a, b, '--model', 'J179']), /DSCPAUD/, 'a J179 never had it');
  t.equal(await run(['diff', a, a, '--model', 'J179']), 'Nothing differs for J179.\n');
  await t.rejects(run(['diff', a, b]), { code: 'commander.missingMandatoryOptionValue' });
  await t.rejects(run(['diff', a, b, '--model', 'J179', '--group', '1000']), { code: 'OPTION_INVALID' });
});

t.test('both show examples in their help', async (t) => {
  for (const name of ['lint', 'diff'])
    t.match(await run([name, '--help']), new RegExp(`Examples:\\n {2}ringdown settings ${name} `));
});

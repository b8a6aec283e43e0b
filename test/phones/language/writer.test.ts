import t from 'tap';
import { evaluateSettings } from '../../../firmware/phones/language/evaluator.ts';
import { readSettings } from '../../../firmware/phones/language/reader.ts';
import { SettingsWriter } from '../../../firmware/phones/language/writer.ts';

t.test('every kind of line', async (t) => {
  const text = new SettingsWriter()
    .comment('no tag')
    .set('A', 'x')
    .set('B', 'x,y z')
    .set('C', '')
    .set('D', 1)
    .setQuoted('E', 'x')
    .setBare('F', '1,2')
    .setList('G', ['911', '9911'])
    .setList('H', [])
    .gotoForModels(['acw', 'aci'], 'T')
    .if('$GROUP', '2', 'T')
    .goto('T')
    .tag('T')
    .get('46xxspecials.txt')
    .toString();
  t.equal(
    text,
    [
      '## no tag',
      'SET A x',
      'SET B "x,y z"',
      'SET C " "',
      'SET D 1',
      'SET E "x"',
      'SET F 1,2',
      'SET G "911","9911"',
      'SET H " "',
      'IF $MODEL4 SEQ acw GOTO T',
      'IF $MODEL4 SEQ aci GOTO T',
      'IF $GROUP SEQ 2 GOTO T',
      'GOTO T',
      '# T',
      'GET 46xxspecials.txt',
      '',
    ].join('\n'),
  );
  const { settings } = evaluateSettings(readSettings(text), { MODEL4: 'acw' });
  t.equal(settings.find(({ name }) => name === 'C')?.value, ' ');
});

t.test('CRLF by option', async (t) => {
  t.equal(new SettingsWriter({ lineEnding: '\r\n' }).set('A', 1).tag('X').toString(), 'SET A 1\r\n# X\r\n');
});

t.test('what would read back as something else is refused', async (t) => {
  const refused = { code: 'PHONES_VALUE_NOT_WRITABLE' };
  for (const value of ['x"\nSET EVIL 1', 'x\ny', 'x\ry', 'x"y', '\u00e4', '\0', '\t']) {
    t.throws(() => new SettingsWriter().set('A', value), refused);
    t.throws(() => new SettingsWriter().setQuoted('A', value), refused);
    t.throws(() => new SettingsWriter().setBare('A', value), refused);
    t.throws(() => new SettingsWriter().setList('A', ['1', value]), refused);
    t.throws(() => new SettingsWriter().comment(value), refused);
    t.throws(() => new SettingsWriter().if('$MODEL4', value, 'T'), refused);
    t.throws(() => new SettingsWriter().if(value, 'acw', 'T'), refused);
    t.throws(() => new SettingsWriter().get(value), refused);
  }
  t.throws(() => new SettingsWriter().tag('two words'), refused);
  t.throws(() => new SettingsWriter().goto(''), refused);
  t.throws(() => new SettingsWriter().setBare('A', 'two words'), refused);
  t.throws(() => new SettingsWriter().setBare('A', ''), refused);
  for (const name of ['', 'A B', 'A-B', 'A"', '\u00c4']) t.throws(() => new SettingsWriter().set(name, 1), refused);
});

t.test('a statement as it was read, but none with broken quotes', async (t) => {
  const refused = { code: 'PHONES_VALUE_NOT_WRITABLE' };
  for (const [value, quoting] of [
    ['"x', 'broken'],
    ['x', 'list'],
    ['"x"', 'list'],
    ['"\u00e4","x"', 'list'],
    ['"x","y"\n', 'list'],
    ['x y', 'bare'],
    ['x"', 'quoted'],
  ] as const) {
    t.throws(() => new SettingsWriter().statement({ kind: 'set', name: 'A', value, quoting }), refused, value);
  }
});

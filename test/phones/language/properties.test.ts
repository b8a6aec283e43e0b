import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { KNOWN_MODELS } from '../../../firmware/phones/language/client.ts';
import { diffSettings } from '../../../firmware/phones/language/difference.ts';
import { evaluateSettings, pathTo } from '../../../firmware/phones/language/evaluator.ts';
import { lintSettings } from '../../../firmware/phones/language/lint.ts';
import { printSettings, readSettings, type SettingsText } from '../../../firmware/phones/language/reader.ts';
import { quotingOf, type Statement } from '../../../firmware/phones/language/statement.ts';
import { MAX_WARNINGS } from '../../../firmware/phones/language/warning.ts';
import { SettingsWriter } from '../../../firmware/phones/language/writer.ts';

/** The same texts each time; another seed finds others. */
const RUNS = { seed: 46, numRuns: 500 };

const anyOf = (...values: readonly string[]) => fc.constantFrom(...values);

/** Pieces of statements in any order. */
const scraps = fc
  .array(
    anyOf(
      ...[
        'SET',
        'IF',
        'GOTO',
        'GET',
        '#',
        '##',
        'SEQ',
        'SNE',
        '$MODEL4',
        '$GROUP',
        '$MACADDR',
        '$',
        'acw',
        'J179',
        'X',
        'Y',
      ],
      ...[
        '"',
        ',',
        ' ',
        ' ',
        ' ',
        ' ',
        '\t',
        '\n',
        '\n',
        '\r\n',
        '\r',
        '\0',
        '\u00e4',
        '\u2028',
        'OBSCURE_PREFERENCES',
      ],
    ),
    { maxLength: 120 },
  )
  .map((pieces) => pieces.join(''));

const tag = anyOf('X', 'Y', 'Z', 'END');
const file = anyOf('46xxsettings.txt', '46xxspecials.txt', '$MODEL4.txt', 'b');

/** Lines that are statements, most of them. */
const plausible = fc
  .array(
    fc.oneof(
      fc
        .tuple(anyOf('A', 'B', 'ENABLE_G729'), anyOf('1', '"x y"', '$MACADDR', '1,2', '"x', ''))
        .map((words) => `SET ${words.join(' ')}`),
      fc
        .tuple(
          anyOf('$MODEL4', '$GROUP', '$SIG_IN_USE', '$WHAT', 'x$GROUP'),
          anyOf('acw', 'J179', '0', 'SIP', 'x0'),
          tag,
        )
        .map(([left, right, target]) => `IF ${left} SEQ ${right} GOTO ${target}`),
      tag.map((name) => `GOTO ${name}`),
      tag.map((name) => `# ${name}`),
      file.map((name) => `GET ${name}`),
      scraps.map((text) => text.replaceAll('\n', ' ')),
    ),
    { maxLength: 40 },
  )
  .chain((lines) => anyOf('\n', '\r\n').map((ending) => lines.join(ending)));

const settingsText = fc.oneof(scraps, plausible);

const word = fc.stringMatching(/^[\x21\x23-\x7e]{1,12}$/);
const name = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,20}$/);
const quotable = fc.stringMatching(/^[\x20\x21\x23-\x7e]{0,20}$/);

/** Every statement that can be written. */
const statement: fc.Arbitrary<Statement> = fc
  .oneof(
    fc.record({ kind: fc.constant('set' as const), name, value: word, quoting: fc.constant('bare' as const) }),
    fc.record({ kind: fc.constant('set' as const), name, value: quotable, quoting: fc.constant('quoted' as const) }),
    fc.record({
      kind: fc.constant('set' as const),
      name,
      value: fc
        .array(quotable, { minLength: 2, maxLength: 5 })
        .map((values) => values.map((value) => `"${value}"`).join(',')),
      quoting: fc.constant('list' as const),
    }),
    fc.record({ kind: fc.constant('if' as const), left: word, right: word, tag: word }),
    fc.record({ kind: fc.constant('goto' as const), tag: word }),
    fc.record({ kind: fc.constant('tag' as const), tag: word }),
    fc.record({ kind: fc.constant('get' as const), file: word }),
  )
  // Records come without a prototype.
  .map((one) => ({ ...one }));

function statements(text: SettingsText): readonly Statement[] {
  return text.lines.flatMap(({ content }) => (content.kind === 'statement' ? [content.statement] : []));
}

t.test('what is read prints as it was, any bytes', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const printed = Buffer.from(printSettings(readSettings(bytes)), 'latin1');
      return printed.equals(bytes);
    }),
    RUNS,
  );
  t.pass();
});

t.test('what is read prints as it was, any text, and each line knows where it stands', async (t) => {
  fc.assert(
    fc.property(fc.oneof(settingsText, fc.string({ unit: 'binary', maxLength: 200 })), (text) => {
      const { lines, tags } = readSettings(text);
      if (printSettings({ lines, tags }) !== text) return false;
      const inPlace = lines.every(
        ({ number, offset, source, ending }, index) => number === index + 1 && text.startsWith(source + ending, offset),
      );
      return inPlace && lines.every(({ source }) => !source.includes('\n'));
    }),
    RUNS,
  );
  t.pass();
});

t.test('what is written reads as it was, with comments between', async (t) => {
  fc.assert(
    fc.property(fc.array(statement, { maxLength: 30 }), quotable, anyOf('\n', '\r\n'), (written, comment, ending) => {
      const writer = new SettingsWriter({ lineEnding: ending === '\n' ? '\n' : '\r\n' });
      for (const one of written) writer.comment(comment).statement(one);
      const text = writer.toString();
      if (!isDeepStrictEqual(statements(readSettings(text)), written)) return false;
      return /^[\r\n\x20-\x7e]*$/.test(text) && text.split(ending).length === 2 * written.length + 1;
    }),
    RUNS,
  );
  t.pass();
});

t.test('a value is written so that it reads as it was', async (t) => {
  fc.assert(
    fc.property(name, quotable, (setting, value) => {
      const [read] = statements(readSettings(new SettingsWriter().set(setting, value).toString()));
      if (read?.kind !== 'set' || read.name !== setting) return false;
      // Clients want a space for "empty".
      return read.value === (value === '' ? ' ' : value);
    }),
    RUNS,
  );
  t.pass();
});

t.test('whatever else is offered is refused, or read as one line', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
      const writer = new SettingsWriter();
      try {
        writer.set('A', text);
      } catch {
        return !/^[\x20\x21\x23-\x7e]*$/.test(text);
      }
      return readSettings(writer.toString()).lines.length === 1;
    }),
    RUNS,
  );
  t.pass();
});

t.test('evaluation ends, its warnings are bounded, and every setting can be found where it says', async (t) => {
  const models = KNOWN_MODELS.map(({ model }) => model);
  fc.assert(
    fc.property(settingsText, settingsText, fc.constantFrom(...models), (first, other, model) => {
      const options = { fetchFile: (asked: string) => (asked === 'b' ? undefined : other) };
      const evaluation = evaluateSettings(readSettings(first), { MODEL4: model, MACADDR: '00aa11bb22cc' }, options);
      if (evaluation.warnings.length > MAX_WARNINGS || evaluation.texts.size > 8) return false;
      for (const setting of evaluation.settings) {
        const line = evaluation.texts.get(setting.file)?.lines[setting.line - 1];
        const read = line?.content.kind === 'statement' ? line.content.statement : undefined;
        if (read?.kind !== 'set' || read.name !== setting.name) return false;
        // The last jump, if any, came to this file.
        const jump = pathTo(evaluation, setting).at(-1);
        if (jump !== undefined && setting.file !== (jump.kind === 'get' ? jump.name : jump.file)) return false;
      }
      return true;
    }),
    RUNS,
  );
  t.pass();
});

t.test('lint ends, tells nothing twice, and no file differs from itself', async (t) => {
  fc.assert(
    fc.property(settingsText, (text) => {
      const read = readSettings(text);
      const warnings = lintSettings(read, { fetchFile: (asked) => (asked === 'b' ? text : undefined) });
      const keys = new Set(warnings.map(({ file: of, line, code }) => `${of} ${line} ${code}`));
      const { added, removed, changed, codecOrder } = diffSettings(read, readSettings(text), { MODEL4: 'acw' });
      const differences = added.length + removed.length + changed.length;
      return keys.size === warnings.length && warnings.length <= MAX_WARNINGS && differences === 0 && !codecOrder;
    }),
    { ...RUNS, numRuns: 200 },
  );
  t.pass();
});

t.test('how a value is quoted is decided soon, whatever it is', async (t) => {
  fc.assert(
    fc.property(fc.array(anyOf('"', ',', 'x', '","', '"x"'), { maxLength: 60 }), (pieces) => {
      const value = pieces.join('');
      const quotes = value.split('"').length - 1;
      const quoting = quotingOf(value);
      return (quotes === 0) === (quoting === 'bare') && (quotes % 2 === 0 || quoting === 'broken');
    }),
    RUNS,
  );
  t.pass();
});

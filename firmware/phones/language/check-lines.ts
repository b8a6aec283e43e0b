import type { SettingsLine, SettingsText } from './reader.ts';
import type { Statement } from './statement.ts';
import { quote, type WarningList } from './warning.ts';

/** In characters. No maximum is documented; the longest line seen in a real file has 362. */
export const MAX_LINE_CHARACTERS = 1024;

/** What can be said of each line by itself, whoever reads it. */
export function checkLines(text: SettingsText, file: string, warnings: WarningList): void {
  // Bad bytes in comments do no harm: one of them is enough to tell of.
  let isCommentTold = false;
  for (const line of text.lines) {
    const { number, source, content } = line;
    if (source.length > MAX_LINE_CHARACTERS) {
      const advice = `no client is known to take more than ${MAX_LINE_CHARACTERS}`;
      warnings.add(file, number, 'line-too-long', `${source.length} characters: ${advice}`);
    }
    if (!isPrintable(line) && !(content.kind === 'comment' && isCommentTold)) {
      warnings.add(file, number, 'not-ascii', 'characters other than printable ASCII');
      isCommentTold ||= content.kind === 'comment';
    }
    if (content.kind === 'invalid') {
      warnings.add(file, number, 'invalid-statement', `no valid statement, so it is ignored: ${content.reason}`);
    }
    if (content.kind === 'value') {
      warnings.add(file, number, 'split-value', 'a value on the line after its SET: not every client may take it');
    }
    if (content.kind === 'statement') checkValue(content.statement, number, file, warnings);
  }
}

function checkValue(statement: Statement, line: number, file: string, warnings: WarningList): void {
  if (statement.kind !== 'set') return;
  const { name, value, quoting } = statement;
  if (quoting === 'broken') warnings.add(file, line, 'bad-quoting', `the quotes of ${quote(name)} do not pair up`);
  if (quoting === 'bare' && /[ ,]/.test(value)) {
    warnings.add(file, line, 'unquoted-value', `the value of ${quote(name)} has a space or a comma and wants quotes`);
  }
}

/** Tabs pass, and a CR at the end. */
function isPrintable({ source }: SettingsLine): boolean {
  return /^[\t\x20-\x7e]*\r*$/.test(source);
}

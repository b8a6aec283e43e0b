import { MAX_LINE_CHARACTERS } from './check-lines.ts';
import type { SettingsDifference } from './difference.ts';
import type { EffectiveSetting } from './evaluator.ts';
import { quote, type Warning } from './warning.ts';

/*
 * What people read of it on a terminal: a line for each, ended by LF, in ASCII.
 */

/** `46xxsettings.txt:12: what is wrong (code)` */
export function describeWarnings(warnings: readonly Warning[]): string {
  return asLines(warnings.map(({ file, line, code, text }) => `${place(file, line)}: ${text} (${code})`));
}

/** What was added with +, removed with -, changed with ~. Empty where nothing differs. */
export function describeDifference({ added, removed, changed, codecOrder }: SettingsDifference): string {
  const lines = [
    ...added.map((setting) => `+ ${setting.name} ${shown(setting.value)}${standsIn(setting)}`),
    ...removed.map((setting) => `- ${setting.name} ${shown(setting.value)}${standsIn(setting)}`),
    ...changed.map(({ before, after }) => {
      const was = `${shown(before.value)}${standsIn(before)}`;
      return `~ ${after.name} ${was} is now ${shown(after.value)}${standsIn(after)}`;
    }),
  ];
  if (codecOrder !== undefined) {
    lines.push(
      `~ codecs in order of preference: ${codecOrder.before.join(', ')} are now ${codecOrder.after.join(', ')}`,
    );
  }
  return asLines(lines);
}

function shown(value: string): string {
  return quote(value, MAX_LINE_CHARACTERS);
}

function standsIn({ file, line }: EffectiveSetting): string {
  return ` (${place(file, line)})`;
}

/** The name of a file may come out of a GET. */
function place(file: string, line: number): string {
  return `${quote(file).slice(1, -1)}:${line}`;
}

function asLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

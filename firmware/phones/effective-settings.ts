import { evaluateSettings } from './language/evaluator.ts';
import { readSettings } from './language/reader.ts';
import type { WorkplaceModel } from './settings-file.ts';

/**
 * What a client of this model takes from a settings file: its SET lines in the order in which it reads them, under a
 * comment for each section that they come from, and a comment for everything odd on the way.
 */
export function effectiveSettings(text: string, model: WorkplaceModel): string {
  const { settings, gets, warnings } = evaluateSettings(readSettings(text), { MODEL4: model, SIG_IN_USE: 'SIP' });
  const source = text.split('\n');
  const lines: string[] = [];
  let section = '';
  for (const setting of settings) {
    if (setting.section !== section) {
      section = setting.section;
      lines.push(`## ${section}`);
    }
    lines.push(source[setting.line - 1]?.trimEnd() ?? '');
  }
  for (const { name } of gets) lines.push(`## fetches ${name}`);
  for (const { line, text: warning } of warnings) lines.push(`## line ${line}: ${warning}`);
  return lines.map((line) => `${line}\n`).join('');
}

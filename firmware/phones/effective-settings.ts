import { type ClientVariables, evaluateSettings } from './language/evaluator.ts';
import { readSettings } from './language/reader.ts';
import { MODELS_16XX, type Model } from './models.ts';

/** What a client of this model knows of itself, by what a settings file may ask. */
export function clientVariables(model: Model, group: number): ClientVariables {
  const signalling = (MODELS_16XX as readonly string[]).includes(model) ? 'H323' : 'SIP';
  return { MODEL4: model, MODEL: model, GROUP: String(group), SIG_IN_USE: signalling, SIG: signalling };
}

/**
 * What a client with these variables takes from a settings file: its SET lines in the order in which it reads them, under
 * a comment for each section that they come from, and a comment for everything odd on the way.
 */
export function effectiveSettings(text: string, variables: ClientVariables): string {
  const { settings, gets, warnings } = evaluateSettings(readSettings(text), variables);
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

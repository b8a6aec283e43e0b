import { findNode, parsePath } from '../config/path.ts';
import type { SchemaNode } from '../config/schema/tree.ts';
import type { Terminal } from './terminal.ts';

/** What ends a pasted file: a line that holds a dot alone, as in mail. */
const END_OF_FILE = '.';
/** More than any configuration. */
const MAX_PASTED_CHARACTERS = 8 * 1024 * 1024;

/**
 * Asks the person for what a command would read from standard input: a secret without showing it, a file line by line.
 * Undefined where what was typed twice differs, or too much was pasted: then the person was told.
 */
export async function askForInput(words: readonly string[], terminal: Terminal): Promise<string | undefined> {
  let input = '';
  if (words.includes('--passphrase-stdin')) {
    const passphrase = await askTwice('Passphrase: ', terminal);
    if (passphrase === undefined) return undefined;
    input = `${passphrase}\n`;
  }
  if (words.includes('--password-stdin')) {
    const password = await askTwice('Password: ', terminal);
    if (password === undefined) return undefined;
    input += `${password}\n`;
  }
  if (!words.includes('-')) return input;
  const isValue = words[0] === 'config' && words[1] === 'set';
  const node = isValue ? nodeOfValue(words) : undefined;
  // The service says what is wrong with the path.
  if (isValue && node === undefined) return input;
  if (node?.kind === 'value' && node.secret !== undefined) {
    const value = await askTwice('Value: ', terminal);
    return value === undefined ? undefined : `${input}${value}\n`;
  }
  terminal.write(
    `Paste the ${isValue ? 'value' : 'file'}, and end it with a line that holds a ${END_OF_FILE} alone:\n`,
  );
  const pasted = await terminal.paste(END_OF_FILE, MAX_PASTED_CHARACTERS);
  if (pasted !== undefined) return input + pasted;
  terminal.write('\nThat was given up, or too much; nothing was changed.\n');
  return undefined;
}

/** Of the path for which the value is asked; undefined where there is no such path. */
function nodeOfValue(words: readonly string[]): SchemaNode | undefined {
  try {
    return findNode(parsePath(words[words.indexOf('-') - 1] ?? ''));
  } catch {
    return undefined;
  }
}

async function askTwice(prompt: string, terminal: Terminal): Promise<string | undefined> {
  const first = await terminal.ask(prompt, { hidden: true });
  const second = await terminal.ask('Again: ', { hidden: true });
  if (first === second) return first;
  terminal.write('The two differ; nothing was changed.\n');
  return undefined;
}

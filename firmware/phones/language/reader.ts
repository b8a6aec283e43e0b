import { RingdownError } from '../../core/errors.ts';
import type { Statement, Warning } from './statement.ts';

/** No client takes a file that long; a larger one is no settings file. */
const MAX_FILE_CHARACTERS = 1_048_576;

const SET = /^SET +(?<name>[A-Za-z0-9_]+)(?: +(?<value>.*))?$/s;
const IF = /^IF +(?<left>\S+) +SEQ +(?<right>\S+) +GOTO +(?<tag>\S+)$/;
const GOTO = /^GOTO +(?<tag>\S+)$/;
const TAG = /^# (?<tag>[^ ]+)$/;
const GET = /^GET +(?<file>\S+)$/;

export interface SettingsText {
  readonly statements: readonly Statement[];
  /** Live lines that are no valid statement; a client ignores them. */
  readonly warnings: readonly Warning[];
}

/**
 * Reads a settings file as the clients do: what does not begin as a statement is a comment, and a statement that is
 * not valid is passed over. CRLF, trailing spaces and a quoted value on the line after its SET are taken as they occur
 * in the field. Throws RingdownError PHONES_SETTINGS_TOO_LONG above a megabyte, and nothing else.
 */
export function readSettings(text: string): SettingsText {
  if (text.length > MAX_FILE_CHARACTERS) {
    throw new RingdownError(
      'PHONES_SETTINGS_TOO_LONG',
      `a settings file has at most ${MAX_FILE_CHARACTERS} characters`,
      'Give a settings file, not another kind of file.',
    );
  }
  const statements: Statement[] = [];
  const warnings: Warning[] = [];
  const lines = text.split('\n').map((line) => line.trimEnd());
  for (const [index, content] of lines.entries()) {
    const line = index + 1;
    const statement = readStatement(content, line, lines[index + 1]);
    if (statement !== undefined) statements.push(statement);
    else if (/^(?:SET|IF|GOTO|GET) /.test(content)) warnings.push({ line, text: 'not a valid statement' });
  }
  return { statements, warnings };
}

function readStatement(content: string, line: number, next: string | undefined): Statement | undefined {
  const set = SET.exec(content)?.groups;
  if (set?.name !== undefined) {
    const value = set.value ?? (next?.startsWith('"') ? next : undefined);
    return value === undefined ? undefined : { kind: 'set', line, name: set.name, value: unquote(value) };
  }
  const branch = IF.exec(content)?.groups;
  if (branch?.left !== undefined && branch.right !== undefined && branch.tag !== undefined) {
    return { kind: 'if', line, left: branch.left, right: branch.right, tag: branch.tag };
  }
  const jump = GOTO.exec(content)?.groups?.tag;
  if (jump !== undefined) return { kind: 'goto', line, tag: jump };
  // Exactly one space, and none after it: `# SET NAME value` is a comment.
  const tag = TAG.exec(content)?.groups?.tag;
  if (tag !== undefined) return { kind: 'tag', line, tag };
  const file = GET.exec(content)?.groups?.file;
  return file === undefined ? undefined : { kind: 'get', line, file };
}

/** `"911","9911"` is a list of quoted values and stays as it is. */
function unquote(value: string): string {
  return /^"[^"]*"$/.test(value) ? value.slice(1, -1) : value;
}

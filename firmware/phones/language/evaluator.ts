import type { SettingsText } from './reader.ts';
import type { Statement, Warning } from './statement.ts';

/** A setting as a client ends up with it. */
export interface EffectiveSetting {
  readonly name: string;
  readonly value: string;
  /** The line that set it last. */
  readonly line: number;
  /** The tag last passed before that line; empty above the first one. */
  readonly section: string;
}

export interface Evaluation {
  /** In the order in which they were set for good; of several with one name the last. */
  readonly settings: readonly EffectiveSetting[];
  /** Files that the client would try to fetch on the way. */
  readonly files: readonly string[];
  readonly warnings: readonly Warning[];
}

/** What a client knows of itself, by names without `$`: `MODEL4`, `GROUP`, `SIG_IN_USE` … */
export type ClientVariables = Readonly<Record<string, string>>;

/**
 * Follows a settings file as a client with these variables does. A file that it would fetch on the way is taken as
 * missing, so the reading goes on. It always ends: the variables do not change, so a line that comes round again
 * would come round for ever.
 */
export function evaluateSettings(text: SettingsText, variables: ClientVariables): Evaluation {
  const { statements } = text;
  const tags = tagPositions(statements);
  const settings = new Map<string, EffectiveSetting>();
  const files: string[] = [];
  const warnings: Warning[] = [...text.warnings];
  const visited = new Uint8Array(statements.length);
  let section = '';
  let position = 0;
  for (let statement = statements[0]; statement !== undefined; statement = statements[position]) {
    if (visited[position] === 1) {
      warnings.push({ line: statement.line, text: 'a loop: the rest is ignored' });
      break;
    }
    visited[position] = 1;
    if (statement.kind === 'tag') section = statement.tag;
    if (statement.kind === 'get') files.push(expand(statement.file, variables) ?? statement.file);
    if (statement.kind === 'set') {
      const { name, value, line } = statement;
      settings.delete(name);
      settings.set(name, { name, value: expand(value, variables) ?? value, line, section });
    }
    if (statement.kind === 'goto' || (statement.kind === 'if' && holds(statement, variables))) {
      const target = findTag(tags, statement.tag, position);
      if (target === undefined) {
        warnings.push({ line: statement.line, text: `no tag ${statement.tag}: the rest is ignored` });
        break;
      }
      position = target;
    } else {
      position += 1;
    }
  }
  return { settings: [...settings.values()], files, warnings };
}

function holds(statement: { readonly left: string; readonly right: string }, variables: ClientVariables): boolean {
  const left = expand(statement.left, variables);
  const right = expand(statement.right, variables);
  // A variable that the client does not know: it ignores the whole line.
  return left !== undefined && left === right;
}

/** Undefined where a macro in it is unknown. */
function expand(text: string, variables: ClientVariables): string | undefined {
  let unknown = false;
  const expanded = text.replaceAll(/\$([A-Z0-9_]+)/g, (macro, name: string) => {
    if (Object.hasOwn(variables, name)) return variables[name] ?? macro;
    unknown = true;
    return macro;
  });
  return unknown ? undefined : expanded;
}

function tagPositions(statements: readonly Statement[]): ReadonlyMap<string, readonly number[]> {
  const positions = new Map<string, number[]>();
  for (const [position, statement] of statements.entries()) {
    if (statement.kind !== 'tag') continue;
    const known = positions.get(statement.tag);
    if (known === undefined) positions.set(statement.tag, [position]);
    else known.push(position);
  }
  return positions;
}

/** The next such tag below, or else the first one above. By halves: a hostile file has as many tags as jumps. */
function findTag(tags: ReadonlyMap<string, readonly number[]>, tag: string, from: number): number | undefined {
  const positions = tags.get(tag) ?? [];
  let low = 0;
  let high = positions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((positions[middle] ?? 0) <= from) low = middle + 1;
    else high = middle;
  }
  return positions[low] ?? positions[0];
}

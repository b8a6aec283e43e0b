import type { Dialect } from './client.ts';
import { decide } from './condition.ts';
import { findTag } from './find-tag.ts';
import type { SettingsText } from './reader.ts';

/**
 * The lines, as 1 at their indices, that a client may come to of whom these variables are known. An IF that asks for
 * another one goes both ways, and a GET goes on as if there were no file.
 */
export function reach(
  { lines, tags }: SettingsText,
  variables: ReadonlyMap<string, string>,
  dialect: Dialect,
): Uint8Array {
  const reached = new Uint8Array(lines.length);
  const pending = [0];
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    const content = lines[index]?.content;
    if (content === undefined || reached[index] === 1) continue;
    reached[index] = 1;
    const statement = content.kind === 'statement' ? content.statement : undefined;
    const jump = statement?.kind === 'goto' || statement?.kind === 'if' ? statement : undefined;
    const ways = jump?.kind === 'if' ? waysOf(jump, variables, dialect) : jump === undefined ? 'on' : 'jump';
    if (ways !== 'jump') pending.push(index + 1);
    const target = jump === undefined || ways === 'on' ? undefined : findTag(tags, jump.tag, index);
    if (target !== undefined) pending.push(target);
  }
  return reached;
}

function waysOf(...[statement, variables, dialect]: Parameters<typeof decide>): 'jump' | 'on' | 'both' {
  const outcome = decide(statement, variables, dialect);
  if (outcome.kind === 'ignored') return outcome.code === 'variable-not-given' ? 'both' : 'on';
  return outcome.kind === 'holds' ? 'jump' : 'on';
}

import { readdirSync, readFileSync } from 'node:fs';

/** Process ids of the children of a process, whosever they are. */
export function childrenOf(pid: number): readonly number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(/\s+/),
  );
  return children.filter((text) => text !== '').map(Number);
}

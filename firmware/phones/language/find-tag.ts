import type { SettingsText } from './reader.ts';

/** The next such tag below, or else the first one above. By halves: a hostile file has as many tags as jumps. */
export function findTag(tags: SettingsText['tags'], tag: string, from: number): number | undefined {
  const indices = tags.get(tag) ?? [];
  let low = 0;
  let high = indices.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((indices[middle] ?? 0) <= from) low = middle + 1;
    else high = middle;
  }
  return indices[low] ?? indices[0];
}

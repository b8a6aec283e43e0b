import { type Configuration, configurationSchema } from '../schema/configuration.ts';
import { isRecord, nodeOf, type SchemaNode } from '../schema/tree.ts';
import { keptSecrets, type Secrets, withSecrets } from './carried-secrets.ts';

/*
 * What becomes of a box that a file is imported into. `candidate` is what readDocument gives; `secrets` are those of the
 * file, as secretsToKeep makes them, where it has any. The answer is for the store's edit, which checks it.
 */

/** What the file names is set, field by field; a list is replaced whole. What it does not name stays, secrets too. */
export function mergeDocument(current: Configuration, candidate: unknown, secrets: Secrets = {}): unknown {
  return withSecrets(merge(nodeOf(configurationSchema), current, candidate), secrets);
}

/**
 * The file is everything: what it leaves out has its default, or goes. Without secrets in it the items that stay keep
 * theirs; with them there are those of the file alone.
 */
export function replaceWithDocument(
  current: Configuration,
  candidate: unknown,
  secrets: Secrets = keptSecrets(current),
): unknown {
  return withSecrets(candidate, secrets);
}

function merge(node: SchemaNode | undefined, before: unknown, named: unknown): unknown {
  const holds = node?.kind === 'group' || node?.kind === 'collection';
  // A list, a value, and what does not fit: as the file says.
  if (!holds || !isRecord(named) || !isRecord(before)) return named;
  const members = new Map(Object.entries(before));
  for (const [name, value] of Object.entries(named)) {
    const inner = node.kind === 'collection' ? node.item : node.fields.get(name);
    members.set(name, merge(inner, members.get(name), value));
  }
  return Object.fromEntries(members);
}

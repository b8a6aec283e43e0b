import { UsageError } from '../../core/errors.ts';
import { findNode, formatPath, nodeAt, type Path, parsePath, valueAt, withValue } from '../path.ts';
import { type Configuration, configurationSchema } from '../schema/configuration.ts';
import type { SecretKind } from '../schema/kinds.ts';
import { isRecord, nodeOf, type SchemaNode } from '../schema/tree.ts';

/*
 * Secrets on their way between boxes. Hashes travel as they are kept. A secret that is encrypted under the key of one box
 * (kind `recoverable`) is nothing on another: it is opened before it leaves and sealed again where it arrives.
 */

/** By path as formatPath writes it. */
export type Secrets = Readonly<Record<string, string>>;

/** As BoxKey.open: undefined for what this box did not seal. */
export type OpenSecret = (path: string, sealed: string) => string | undefined;
/** As BoxKey.seal. */
export type SealSecret = (path: string, text: string) => string;

/** Every secret as it is kept, in the order of the schema. */
export function keptSecrets(configuration: Configuration): Secrets {
  const found: [string, string][] = [];
  collect(nodeOf(configurationSchema), configuration, [], found);
  return Object.fromEntries(found);
}

/** What an export with secrets carries: for sealSecrets alone, since part of it is in the clear. Throws UsageError CONFIG_SECRET_UNREADABLE. */
export function secretsToCarry(configuration: Configuration, open: OpenSecret): Secrets {
  const carried = Object.entries(keptSecrets(configuration)).map(([path, kept]) => {
    const plain = kindAt(parsePath(path)) === 'recoverable' ? open(path, kept) : kept;
    if (plain === undefined) throw unreadable(parsePath(path));
    return [path, plain] as const;
  });
  return Object.fromEntries(carried);
}

/** What came from another box, as this one keeps it. Throws UsageError CONFIG_PATH_UNKNOWN for what this version does not know. */
export function secretsToKeep(carried: Secrets, seal: SealSecret): Secrets {
  const kept = Object.entries(carried).map(([path, secret]) => {
    return [path, kindAt(parsePath(path)) === 'recoverable' ? seal(path, secret) : secret] as const;
  });
  return Object.fromEntries(kept);
}

/** `candidate` with the secrets of those items that it has. */
export function withSecrets(candidate: unknown, secrets: Secrets): unknown {
  let whole = candidate;
  for (const [text, secret] of Object.entries(secrets)) {
    const path = parsePath(text);
    if (hasPlaceFor(whole, path)) whole = withValue<unknown>(whole, path, secret);
  }
  return whole;
}

function collect(node: SchemaNode, value: unknown, path: Path, found: [string, string][]): void {
  switch (node.kind) {
    case 'group':
      for (const [name, field] of node.fields) collect(field, valueAt(value, [name]), [...path, name], found);
      break;
    case 'collection':
      for (const key of isRecord(value) ? Object.keys(value) : []) {
        collect(node.item, valueAt(value, [key]), [...path, key], found);
      }
      break;
    case 'value':
      if (node.secret !== undefined && typeof value === 'string') found.push([formatPath(path), value]);
      break;
    default:
      break;
  }
}

/** Throws UsageError CONFIG_PATH_UNKNOWN. */
function kindAt(path: Path): SecretKind {
  const node = nodeAt(path);
  if (node.kind === 'value' && node.secret !== undefined) return node.secret;
  throw new UsageError('CONFIG_PATH_UNKNOWN', `${formatPath(path)} is no secret`, 'Export the secrets again.');
}

/** An item must be there to have a secret; groups within it need not. What is no group is left for the check to find. */
function hasPlaceFor(whole: unknown, path: Path): boolean {
  return path.every((_segment, depth) => {
    const above = path.slice(0, depth);
    const value = valueAt(whole, above);
    return isRecord(value) || (value === undefined && findNode(above.slice(0, -1))?.kind !== 'collection');
  });
}

function unreadable(path: Path): UsageError {
  // A copy of a password is made with the password and never by itself.
  const settable = path.map((segment) => (segment === 'passwordCopy' ? 'password' : segment));
  return new UsageError(
    'CONFIG_SECRET_UNREADABLE',
    `${formatPath(path)} was encrypted by another box, or by this one before it lost its key`,
    `Set ${formatPath(settable)} anew with ringdown config set ${formatPath(settable)} -, or export without secrets.`,
  );
}

import type { Readable } from 'node:stream';
import { formatPath, nodeAt, type Path, parsePath, valueAt, withValue } from '../../config/path.ts';
import type { Configuration } from '../../config/schema/configuration.ts';
import { isRecord, type SchemaNode } from '../../config/schema/tree.ts';
import { makeSecret, makeSipPassword, type SecretContext } from '../../config/secrets/make-secret.ts';
import { visible } from '../../config/visible-text.ts';
import { UsageError } from '../../core/errors.ts';
import { readInput } from './context.ts';

/** A path and what shall stand there; undefined takes it away. */
export interface Assignment {
  readonly path: Path;
  readonly value: unknown;
  /** Of a group that names nothing: it makes an item of nothing but defaults, and what is there already it leaves alone. */
  readonly whereSomethingStands?: 'keep' | 'refuse';
}

/** A certificate in PEM is the longest that anybody pastes. */
const MAX_INPUT_BYTES = 64 * 1024;

/**
 * Reads `PATH VALUE PATH VALUE …` as the words of a command; the value `-` is what the input holds, without its last line
 * end. Secrets are hashed or encrypted here and must come that way: the words of a command are seen in process lists.
 * Throws UsageError CONFIG_ASSIGNMENT_INVALID, CONFIG_SECRET_ON_COMMAND_LINE, CONFIG_PATH_EMPTY, CONFIG_PATH_INVALID,
 * CONFIG_PATH_UNKNOWN, and what makeSecret throws.
 */
export async function readAssignments(
  words: readonly string[],
  input: Readable,
  secrets: SecretContext,
): Promise<readonly Assignment[]> {
  if (words.length % 2 !== 0) {
    throw new UsageError(
      'CONFIG_ASSIGNMENT_INVALID',
      `${visible(JSON.stringify(words.at(-1)?.slice(0, 80)))} has no value`,
      'Give a value after each path.',
    );
  }
  if (words.filter((word, index) => index % 2 === 1 && word === '-').length > 1) {
    throw new UsageError(
      'CONFIG_ASSIGNMENT_INVALID',
      'standard input is wanted twice',
      'Give - once, and the other value in an edit of its own.',
    );
  }
  const assignments: Assignment[] = [];
  for (let index = 0; index < words.length; index += 2) {
    const path = parsePath(words[index] ?? '');
    if (path.length === 0) throw wholeConfiguration();
    const node = nodeAt(path);
    const word = words[index + 1] ?? '';
    const text = word === '-' ? (await readInput(input, MAX_INPUT_BYTES)).replace(/\r?\n$/, '') : word;
    if (node.kind === 'value' && node.secret !== undefined) {
      if (word !== '-') throw secretOnCommandLine(path);
      assignments.push(...(await secretAssignments(path, node.secret, text, secrets)));
    } else assignments.push(...flatten(node, path, readValue(node, path, text), 'refuse'));
  }
  return assignments;
}

/** The configuration after the assignments. Throws UsageError CONFIG_ASSIGNMENT_INVALID for one that would do nothing. */
export function assign(configuration: Configuration, assignments: readonly Assignment[]): unknown {
  let whole: unknown = configuration;
  for (const { path, value, whereSomethingStands } of assignments) {
    const isFree = whereSomethingStands === undefined || valueAt(whole, path) === undefined;
    if (isFree) whole = withValue(whole, path, value);
    else if (whereSomethingStands === 'refuse') throw namesNothing(path);
  }
  return whole;
}

async function secretAssignments(
  path: Path,
  kind: Parameters<typeof makeSecret>[0],
  plain: string,
  secrets: SecretContext,
): Promise<readonly Assignment[]> {
  const [collection, key = '', field] = path;
  if (collection !== 'extensions') return [{ path, value: await makeSecret(kind, path, plain, secrets) }];
  if (field !== 'password') {
    throw new UsageError(
      'CONFIG_ASSIGNMENT_INVALID',
      `${formatPath(path)} cannot be set by itself`,
      `Set extensions.${key}.password: the copy is made with it.`,
    );
  }
  const { password, passwordCopy } = makeSipPassword(key, plain, secrets);
  return [
    { path, value: password },
    { path: ['extensions', key, 'passwordCopy'], value: passwordCopy },
  ];
}

const SWITCHES: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['on', true],
  ['yes', true],
  ['false', false],
  ['off', false],
  ['no', false],
]);

/**
 * A group is set field by field, so that what its JSON does not name stays as it is. `whereSomethingStands`: what becomes
 * of `{}` there.
 */
function flatten(
  node: SchemaNode,
  path: Path,
  value: unknown,
  whereSomethingStands: 'keep' | 'refuse',
): readonly Assignment[] {
  if (node.kind === 'value' && node.secret !== undefined) throw secretOnCommandLine(path);
  if (value === null) throw isNull(path);
  if ((node.kind !== 'group' && node.kind !== 'collection') || !isRecord(value)) return [{ path, value }];
  const names = Object.keys(value);
  if (names.length === 0) return [{ path, value, whereSomethingStands }];
  return names.flatMap((name) => flatten(nodeAt([...path, name]), [...path, name], value[name], 'keep'));
}

/** What does not read as the field wants it stays a text: the check then says what is wanted there. */
function readValue(node: SchemaNode, path: Path, text: string): unknown {
  switch (node.kind) {
    case 'value':
      if (node.type === 'boolean') return SWITCHES.get(text.toLowerCase()) ?? text;
      if (node.type === 'integer') return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
      return text;
    case 'list':
      if (text.startsWith('[')) return readJson(path, text);
      return text === '' ? [] : text.split(',').map((part) => part.trim());
    default:
      return readJson(path, text);
  }
}

function readJson(path: Path, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(
      'CONFIG_ASSIGNMENT_INVALID',
      `the value for ${formatPath(path)} is not JSON`,
      'Set the fields in it one by one, or give JSON.',
      { cause: error },
    );
  }
}

function wholeConfiguration(): UsageError {
  return new UsageError(
    'CONFIG_PATH_EMPTY',
    'the whole configuration cannot be set at once',
    'Name what shall be set, or give a file to ringdown config import.',
  );
}

function namesNothing(path: Path): UsageError {
  const where = formatPath(path);
  return new UsageError(
    'CONFIG_ASSIGNMENT_INVALID',
    `${where} is there already, and {} names nothing of it`,
    `Name what shall change. To clear it use: ringdown config unset ${where}.`,
  );
}

function isNull(path: Path): UsageError {
  const where = formatPath(path);
  return new UsageError(
    'CONFIG_ASSIGNMENT_INVALID',
    `${where} cannot be null`,
    `To clear it use: ringdown config unset ${where}.`,
  );
}

function secretOnCommandLine(path: Path): UsageError {
  return new UsageError(
    'CONFIG_SECRET_ON_COMMAND_LINE',
    `${formatPath(path)} is a secret, and the command line is seen by others`,
    'Give - as the value, and write the secret to standard input.',
  );
}

import type { Document, LineCounter, Scalar } from 'yaml';
import { UsageError } from '../../core/errors.ts';
import type { Path } from '../path.ts';
import { configurationSchema } from '../schema/configuration.ts';
import { isRecord, nodeOf, type SchemaNode } from '../schema/tree.ts';
import { InvalidConfigurationError, type Issue, showValue } from '../validation/issue.ts';
import { visible } from '../visible-text.ts';
import { scanDocument } from './scan.ts';

type Yaml = typeof import('yaml');

/** The format that this program reads and writes. */
export const DOCUMENT_FORMAT = 1;

/** The configuration itself is six levels deep. */
const MAX_DEPTH = 32;

/** A file of nonsense must not make an endless answer. */
const MAX_ISSUES = 50;
const MAX_SYNTAX_ERRORS = 20;

/** A configuration as a file gives it. */
export interface ReadDocument {
  /** As mergeDocument and replaceWithDocument take it; not checked against the schema yet. */
  readonly candidate: unknown;
  /** The encrypted part, as openSecrets reads it, where the file has one. */
  readonly secrets?: string;
  /** Worth a second look: what the file sets though no part of this version acts on it. */
  readonly issues: readonly Issue[];
  readonly fileName: string;
  /** The line, from 1, where a path stands, or else what is around it. */
  lineOf(path: Path): number | undefined;
}

/**
 * Reads a configuration file: YAML 1.2 or JSON, names and values alone. What the schema wants as text is taken as it
 * stands in the file, also where it looks like a number (`0123`, `1e3`); a field that is null has its default, an empty
 * section or item names nothing. Throws UsageError CONFIG_DOCUMENT_SYNTAX with line and column, CONFIG_DOCUMENT_NEWER,
 * CONFIG_DOCUMENT_TOO_LONG, CONFIG_DOCUMENT_NOT_TEXT, CONFIG_DOCUMENT_REFUSED, and InvalidConfigurationError for
 * fields that are there twice or cannot be in a file.
 */
export async function readDocument(text: string, fileName = 'the file'): Promise<ReadDocument> {
  const yaml = await import('yaml');
  const content = text.replace(/^\ufeff/, '');
  scanDocument(yaml, content, fileName);
  const lines = new yaml.LineCounter();
  const document = parse(yaml, content, lines, fileName);
  const reader = new Reader(yaml, lines);
  const whole = reader.value(nodeOf(configurationSchema), document.contents, []);
  if (!isRecord(whole)) {
    throw new UsageError(
      'CONFIG_DOCUMENT_EMPTY',
      `${fileName} holds no configuration`,
      `It begins with "format: ${DOCUMENT_FORMAT}", then come names and values, as ringdown config export writes them.`,
    );
  }
  const { format, secrets, ...candidate } = whole;
  checkFormat(format, fileName);
  if (secrets !== undefined && typeof secrets !== 'string') {
    reader.report('errors', ['secrets'], undefined, 'must be text', 'Leave it as ringdown config export wrote it.');
  }
  const lineOf = (path: Path) => reader.lineOf(document.contents, path);
  const located = (issue: Issue): Issue => withLine(issue, { fileName, lineOf });
  if (reader.errors.length > 0) throw new InvalidConfigurationError(reader.errors.map(located));
  return {
    candidate,
    issues: reader.warnings.map(located),
    fileName,
    lineOf,
    ...(typeof secrets === 'string' ? { secrets } : {}),
  };
}

/** `error`, with the lines of the file and in their order where it tells what is wrong with what came from there. */
export function withLines(error: unknown, document: ReadDocument): unknown {
  if (!(error instanceof InvalidConfigurationError)) return error;
  const issues = error.issues.map((issue) => withLine(issue, document)).sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
  return new InvalidConfigurationError(issues);
}

function withLine(issue: Issue, { fileName, lineOf }: Pick<ReadDocument, 'fileName' | 'lineOf'>): Issue {
  const line = issue.line ?? lineOf(issue.path);
  return line === undefined ? issue : { ...issue, line, fileName };
}

function parse(yaml: Yaml, text: string, lineCounter: LineCounter, fileName: string): Document.Parsed {
  const { stackTraceLimit } = Error;
  // The library makes an error for each mistake, of which a hostile file has hundreds of thousands.
  Error.stackTraceLimit = 0;
  try {
    const document = yaml.parseDocument(text, {
      version: '1.2',
      // All values are texts here; what they shall be, the schema says.
      schema: 'failsafe',
      resolveKnownTags: false,
      // Its own check takes a time that grows with the square of the keys.
      uniqueKeys: false,
      prettyErrors: false,
      // Not less: only then is a second document in the file a mistake.
      logLevel: 'error',
      lineCounter,
    });
    if (document.errors.length === 0) return document;
    const found = document.errors.slice(0, MAX_SYNTAX_ERRORS).map(({ pos, message }) => {
      const { line, col } = lineCounter.linePos(pos[0]);
      return `${fileName}:${line}:${col}: ${visible(message)}`;
    });
    throw new UsageError(
      'CONFIG_DOCUMENT_SYNTAX',
      `the file is no YAML:\n  ${found.join('\n  ')}\nNothing was changed`,
      'Mend it and try again; blanks at the beginning of lines count.',
    );
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function checkFormat(format: unknown, fileName: string): void {
  if (format === String(DOCUMENT_FORMAT)) return;
  if (typeof format === 'string' && /^[1-9]\d{0,8}$/.test(format)) {
    throw new UsageError(
      'CONFIG_DOCUMENT_NEWER',
      `${fileName} has format ${format} and was made by a newer program; this one reads format ${DOCUMENT_FORMAT}`,
      'Update this box, or export it again from one of this version.',
    );
  }
  throw new UsageError(
    'CONFIG_DOCUMENT_FORMAT',
    `${fileName} does not say in which format it is`,
    `Its first line must be "format: ${DOCUMENT_FORMAT}".`,
  );
}

/** Turns the nodes of the library into values, as the schema wants them. */
class Reader {
  readonly errors: Issue[] = [];
  readonly warnings: Issue[] = [];
  readonly #yaml: Yaml;
  readonly #lines: LineCounter;
  readonly #unused = new Set<SchemaNode>();

  constructor(yaml: Yaml, lines: LineCounter) {
    this.#yaml = yaml;
    this.#lines = lines;
  }

  /** `node` is undefined where the schema knows nothing: the check of the whole will say so. */
  value(node: SchemaNode | undefined, source: unknown, path: Path): unknown {
    const { isMap, isScalar, isSeq } = this.#yaml;
    if (path.length > MAX_DEPTH) {
      this.report('errors', path.slice(0, 2), undefined, 'is nested too deeply', 'See the export for what is inside.');
      return undefined;
    }
    if (node?.kind === 'value' && node.secret !== undefined) {
      this.report(
        'errors',
        path,
        undefined,
        'is a secret, which stands in no file in the clear',
        'Leave the line out: what the box has stays. Set a new one with ringdown config set.',
      );
      return undefined;
    }
    if (isMap(source)) return this.#members(node, source.items, path);
    if (isSeq(source)) {
      const item = node?.kind === 'sequence' || node?.kind === 'list' ? node.item : undefined;
      return source.items.map((each, index) => this.value(item, each, [...path, String(index)]));
    }
    const value = isScalar(source) ? this.#scalar(node, source) : null;
    const holds = node?.kind === 'group' || node?.kind === 'collection';
    return value === null && holds ? {} : value;
  }

  report(to: 'errors' | 'warnings', path: Path, value: unknown, problem: string, cure: string): void {
    if (this[to].length >= MAX_ISSUES) return;
    const severity = to === 'errors' ? 'error' : 'warning';
    this[to].push({ severity, path, shown: showValue(path, value), problem, cure });
  }

  lineOf(source: unknown, path: Path): number | undefined {
    let inner = source;
    let offset: number | undefined;
    for (const segment of path) {
      const found = this.#child(inner, segment);
      if (found === undefined) break;
      offset = found.offset ?? offset;
      inner = found.inner;
    }
    return offset === undefined ? undefined : this.#lines.linePos(offset).line;
  }

  #members(node: SchemaNode | undefined, pairs: readonly { key: unknown; value: unknown }[], path: Path): unknown {
    const { isScalar } = this.#yaml;
    const members = new Map<string, unknown>();
    for (const { key, value } of pairs) {
      if (!isScalar(key) || typeof key.value !== 'string') {
        this.report('errors', path, undefined, 'has a name that is a list or a group', 'Names are single words.');
        continue;
      }
      const name = key.value;
      const inner = [...path, name];
      if (members.has(name)) {
        const line = this.#lines.linePos(key.range?.[0] ?? 0).line;
        this.report('errors', inner, undefined, `is there twice, again in line ${line}`, 'Remove one of them.');
        continue;
      }
      const child =
        node?.kind === 'group' ? node.fields.get(name) : node?.kind === 'collection' ? node.item : undefined;
      members.set(name, this.value(child, value, inner));
      if (child !== undefined && !this.#isNull(value)) this.#warnOfUnused(child, inner);
    }
    // Not by assignment: `__proto__` is a name like any other, and refused as such.
    return Object.fromEntries(members);
  }

  #scalar(node: SchemaNode | undefined, source: Scalar): string | number | boolean | null {
    if (this.#isNull(source)) return null;
    const text = typeof source.value === 'string' ? source.value : '';
    if (node?.kind !== 'value' || source.type !== 'PLAIN') return text;
    if (node.type === 'integer' && /^(?:0|-?[1-9]\d{0,14})$/.test(text)) return Number(text);
    if (node.type === 'boolean' && /^(?:true|True|TRUE)$/.test(text)) return true;
    if (node.type === 'boolean' && /^(?:false|False|FALSE)$/.test(text)) return false;
    return text;
  }

  /** YAML 1.2.2 §10.3.2. */
  #isNull(source: unknown): boolean {
    if (!this.#yaml.isScalar(source)) return source === null || source === undefined;
    return source.type === 'PLAIN' && /^(?:null|Null|NULL|~|)$/.test(String(source.value));
  }

  /** Once for each field, whoever's it is. */
  #warnOfUnused(node: SchemaNode, path: Path): void {
    if (!node.unused || this.#unused.has(node)) return;
    this.#unused.add(node);
    this.report(
      'warnings',
      path,
      undefined,
      'is kept and checked, but no part of this version acts on it',
      'It takes effect with a later version.',
    );
  }

  #child(
    source: unknown,
    segment: string,
  ): { readonly inner: unknown; readonly offset: number | undefined } | undefined {
    const { isMap, isNode, isScalar, isSeq } = this.#yaml;
    if (isMap(source)) {
      const pair = source.items.find(({ key }) => isScalar(key) && key.value === segment);
      if (pair === undefined) return undefined;
      return { inner: pair.value, offset: isScalar(pair.key) ? pair.key.range?.[0] : undefined };
    }
    if (!isSeq(source)) return undefined;
    const inner = source.items[Number(segment)];
    return isNode(inner) ? { inner, offset: inner.range?.[0] } : undefined;
  }
}

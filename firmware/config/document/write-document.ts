import type { Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import { sparse } from '../schema/complete.ts';
import { type Configuration, configurationSchema } from '../schema/configuration.ts';
import { compareKeys, type GroupNode, groupOf, isRecord, type SchemaNode } from '../schema/tree.ts';
import { DOCUMENT_FORMAT } from './read-document.ts';

type Yaml = typeof import('yaml');

export interface WriteOptions {
  /** What sealSecrets made; left out: the file has no secrets. */
  readonly secrets?: string;
}

/** Nothing that differs between two exports of the same configuration: no date, no version, no name of the box. */
const HEADER = ` Configuration of a Ringdown box. What has its default is left out.
 ringdown config import FILE --replace makes a box like this; with --merge it only gets what stands here.`;
const WITHOUT_SECRETS = ' Passwords and PINs are not in this file; those of a box that it is imported into stay.';
const WITH_SECRETS = ' Passwords and PINs stand at the end, encrypted under the passphrase of the export.';

/** Of single sections every field is explained; items are many, so there only units stand behind numbers. */
type Notes = 'titles' | 'units';

/**
 * The configuration as a file to read, compare and keep: in the order of the schema, items by their keys, without secrets
 * unless they come sealed. The same configuration always makes the same bytes.
 */
export async function writeDocument(configuration: Configuration, options: WriteOptions = {}): Promise<string> {
  const yaml = await import('yaml');
  const root = groupOf(configurationSchema);
  const least = sparse(root, configuration);
  // `compat`: what a reader of YAML 1.1 takes for something else (yes, 12:30) is quoted too.
  const document = new yaml.Document(null, { version: '1.2', schema: 'core', compat: 'yaml-1.1' });
  const writer = new Writer(yaml);
  const sections = writer.sections(root, isRecord(least) ? least : {});
  sections.items.unshift(writer.pair('format', new yaml.Scalar(DOCUMENT_FORMAT)));
  if (options.secrets !== undefined)
    sections.items.push(writer.section('secrets', 'Secrets', writer.text(options.secrets)));
  document.contents = sections;
  document.commentBefore = `${HEADER}\n${options.secrets === undefined ? WITHOUT_SECRETS : WITH_SECRETS}`;
  const text = document.toString({
    lineWidth: 0,
    blockQuote: 'literal',
    doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
  });
  // The library quotes these characters, but does not escape them, and they can steer a terminal.
  return text.replace(/[\x7f-\x9f]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`);
}

/** Makes the nodes that the library writes. */
class Writer {
  readonly #yaml: Yaml;

  constructor(yaml: Yaml) {
    this.#yaml = yaml;
  }

  sections(root: GroupNode, value: Readonly<Record<string, unknown>>): YAMLMap {
    const map = new this.#yaml.YAMLMap();
    for (const [name, node] of root.fields) {
      const written = this.#write(node, value[name], 'titles');
      if (written !== undefined) map.items.push(this.section(name, node.title, written));
    }
    return map;
  }

  section(name: string, title: string, value: Scalar | YAMLMap | YAMLSeq): Pair {
    const pair = this.pair(name, value);
    pair.key.spaceBefore = true;
    pair.key.commentBefore = ` ${title}`;
    return pair;
  }

  pair(name: string, value: Scalar | YAMLMap | YAMLSeq): Pair<Scalar, Scalar | YAMLMap | YAMLSeq> {
    return new this.#yaml.Pair(new this.#yaml.Scalar(name), value);
  }

  text(text: string): Scalar {
    const scalar = new this.#yaml.Scalar(text);
    if (text.includes('\n')) scalar.type = 'BLOCK_LITERAL';
    return scalar;
  }

  /** Undefined for what is not written: nothing there, a secret, a group of nothing but those. */
  #write(node: SchemaNode, value: unknown, notes: Notes): Scalar | YAMLMap | YAMLSeq | undefined {
    if (value === undefined) return undefined;
    switch (node.kind) {
      case 'group': {
        const map = this.#group(node, value, notes);
        return map.items.length === 0 ? undefined : map;
      }
      case 'collection':
        return this.#collection(node.item, value);
      case 'sequence':
      case 'list': {
        const seq = new this.#yaml.YAMLSeq();
        for (const each of Array.isArray(value) ? value : []) {
          seq.items.push(node.kind === 'sequence' ? this.#group(node.item, each, 'units') : this.text(String(each)));
        }
        return seq;
      }
      case 'value': {
        if (node.secret !== undefined) return undefined;
        const scalar = typeof value === 'string' ? this.text(value) : new this.#yaml.Scalar(value);
        if (scalar.type !== 'BLOCK_LITERAL') scalar.comment = noteBehind(node.title, node.unit, notes);
        return scalar;
      }
    }
  }

  #group(node: GroupNode, value: unknown, notes: Notes): YAMLMap {
    const map = new this.#yaml.YAMLMap();
    for (const [name, field] of node.fields) {
      const written = this.#write(field, isRecord(value) ? value[name] : undefined, notes);
      if (written === undefined) continue;
      const pair = this.pair(name, written);
      if (notes === 'titles' && field.kind !== 'value') pair.key.commentBefore = ` ${field.title}`;
      map.items.push(pair);
    }
    return map;
  }

  #collection(item: GroupNode, value: unknown): YAMLMap {
    const map = new this.#yaml.YAMLMap();
    const items = isRecord(value) ? value : {};
    for (const key of Object.keys(items).sort(compareKeys)) {
      map.items.push(this.pair(key, this.#group(item, items[key], 'units')));
    }
    return map;
  }
}

function noteBehind(title: string, unit: string | undefined, notes: Notes): string | null {
  if (notes === 'units') return unit === undefined ? null : ` ${unit}`;
  return unit === undefined ? ` ${title}` : ` ${unit}: ${title}`;
}

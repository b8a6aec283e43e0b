import { configurationSchema } from './configuration.ts';
import { type GroupNode, groupOf, type SchemaNode } from './tree.ts';

/** Of JSON Schema 2020-12, as the kinds of the schema carry them. */
const KEYWORDS = ['title', 'default', 'enum', 'pattern', 'minLength', 'maxLength', 'minimum', 'maximum'] as const;

type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The JSON Schema of a configuration file, as the export writes it and the import reads it: with its format and its sealed
 * secrets, and without those that stand in no file in the clear. What has a default may be left out. Beside the keywords of
 * the standard there are two of ours, which say what people want to know: `unit` and `unused`.
 */
export function documentSchema(format: number): JsonSchema {
  const root = groupOf(configurationSchema);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: configurationSchema.$id,
    title: root.title,
    type: 'object',
    properties: {
      format: { title: 'Format of the file', const: format },
      ...fieldsOf(root),
      secrets: { title: 'Secrets, sealed under the passphrase of the export', type: 'string' },
    },
    required: ['format'],
    additionalProperties: false,
  };
}

function schemaOf(node: SchemaNode): JsonSchema {
  switch (node.kind) {
    case 'group':
      return {
        ...notesOf(node),
        type: 'object',
        properties: fieldsOf(node),
        required: [...node.fields].filter(([, field]) => mustBeThere(field)).map(([name]) => name),
        additionalProperties: false,
      };
    case 'collection':
      return {
        ...notesOf(node),
        type: 'object',
        patternProperties: { [node.keyPattern.source]: schemaOf(node.item) },
        maxProperties: node.max,
        additionalProperties: false,
      };
    case 'sequence':
    case 'list':
      return {
        ...notesOf(node),
        type: 'array',
        items: schemaOf(node.item),
        maxItems: node.schema.maxItems,
        uniqueItems: node.schema.uniqueItems === true,
      };
    case 'value':
      return { ...notesOf(node), type: node.type, ...(node.unit === undefined ? {} : { unit: node.unit }) };
  }
}

function fieldsOf({ fields }: GroupNode): JsonSchema {
  return Object.fromEntries(
    [...fields].filter(([, field]) => !isSecret(field)).map(([name, field]) => [name, schemaOf(field)]),
  );
}

function notesOf({ schema, rule, unused }: SchemaNode): JsonSchema {
  const found = KEYWORDS.filter((keyword) => schema[keyword] !== undefined).map((keyword) => [
    keyword,
    schema[keyword],
  ]);
  return {
    ...Object.fromEntries(found),
    ...(rule === '' ? {} : { description: `Must be ${rule}.` }),
    ...(unused ? { unused } : {}),
  };
}

function isSecret(node: SchemaNode): boolean {
  return node.kind === 'value' && node.secret !== undefined;
}

/** What has no default, and no meaning where it is left out. */
function mustBeThere(node: SchemaNode): boolean {
  return node.kind === 'value' && !node.optional && node.default === undefined;
}

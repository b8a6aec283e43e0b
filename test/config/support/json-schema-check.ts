import { isEqual, isRecord } from '../../../firmware/config/schema/tree.ts';

/** Keywords of JSON Schema 2020-12, and our notes. */
const KNOWN = new Set([
  ...[
    '$schema',
    '$id',
    'title',
    'description',
    'default',
    'type',
    'const',
    'enum',
    'pattern',
    'minLength',
    'maxLength',
  ],
  ...['minimum', 'maximum', 'properties', 'patternProperties', 'required', 'additionalProperties', 'maxProperties'],
  ...['items', 'maxItems', 'uniqueItems', 'unit', 'unused'],
]);

/** What of `value` a JSON Schema of our keywords refuses, as `path: keyword`; throws for a keyword that it does not know. */
export function violations(schema: unknown, value: unknown, path = ''): readonly string[] {
  if (!isRecord(schema)) throw new Error(`${path} has no schema`);
  for (const keyword of Object.keys(schema)) if (!KNOWN.has(keyword)) throw new Error(`${path}: keyword ${keyword}`);
  const broken = Object.keys(schema).filter((keyword) => !holds(keyword, schema[keyword], value));
  return [...broken.map((keyword) => `${path}: ${keyword}`), ...within(schema, value, path)];
}

function within(schema: Readonly<Record<string, unknown>>, value: unknown, path: string): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => violations(schema.items, item, `${path}/${index}`));
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const schemas = [
      ...entriesOf(schema.properties).filter(([property]) => property === name),
      ...entriesOf(schema.patternProperties).filter(([pattern]) => new RegExp(pattern, 'u').test(name)),
    ];
    if (schemas.length === 0 && schema.additionalProperties === false) return [`${path}/${name}: additionalProperties`];
    return schemas.flatMap(([, each]) => violations(each, inner, `${path}/${name}`));
  });
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return isRecord(value) ? Object.entries(value) : [];
}

function holds(keyword: string, wanted: unknown, value: unknown): boolean {
  const size = typeof value === 'string' ? [...value].length : Array.isArray(value) ? value.length : 0;
  switch (keyword) {
    case 'type':
      return wanted === typeOf(value);
    case 'const':
      return isEqual(wanted, value);
    case 'enum':
      return Array.isArray(wanted) && wanted.includes(value);
    case 'pattern':
      return typeof value === 'string' && new RegExp(String(wanted), 'u').test(value);
    case 'minLength':
      return size >= Number(wanted);
    case 'maxLength':
    case 'maxItems':
      return size <= Number(wanted);
    case 'minimum':
      return Number(value) >= Number(wanted);
    case 'maximum':
      return Number(value) <= Number(wanted);
    case 'maxProperties':
      return Object.keys(Object(value)).length <= Number(wanted);
    case 'required':
      return Array.isArray(wanted) && wanted.every((name) => Object.hasOwn(Object(value), name));
    case 'uniqueItems':
      return wanted !== true || (Array.isArray(value) && new Set(value).size === value.length);
    default:
      return true;
  }
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

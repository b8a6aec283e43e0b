import { type GroupNode, isEqual, isRecord, member, type SchemaNode } from './tree.ts';

/**
 * `value` with the default of everything that it leaves out, in the order of the schema. What does not fit the schema
 * is kept for the check to find. Whatever equals its counterpart in `known` is that counterpart itself, so that a part
 * which did not change can be told by identity.
 */
export function complete(node: SchemaNode, value: unknown, known?: unknown): unknown {
  if (value !== undefined && value === known) return known;
  switch (node.kind) {
    case 'group':
      return completeGroup(node, value ?? {}, known);
    case 'collection': {
      if (value === undefined) return sameOr(known, {});
      if (!isRecord(value)) return value;
      const items = Object.keys(value).map((key) => [key, complete(node.item, value[key] ?? {}, member(known, key))]);
      return sameOr(known, Object.fromEntries(items));
    }
    case 'sequence': {
      if (!Array.isArray(value)) return value ?? sameOr(known, node.default);
      const before = Array.isArray(known) ? known : [];
      const items = value.map((item, index) => complete(node.item, item, before[index]));
      return sameOr(known, items);
    }
    case 'list':
      return value === undefined && node.optional ? undefined : sameOr(known, value ?? node.default);
    case 'value':
      return value ?? node.default;
  }
}

function completeGroup(node: GroupNode, value: unknown, known: unknown): unknown {
  if (!isRecord(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [name, field] of node.fields) {
    const own = Object.hasOwn(value, name) ? value[name] : undefined;
    const completed = complete(field, own ?? undefined, member(known, name));
    if (completed !== undefined) result[name] = completed;
  }
  for (const name of Object.keys(value)) {
    if (!node.fields.has(name)) define(result, name, value[name]);
  }
  return sameOr(known, result);
}

/** `value` without what equals its default: the least that complete() makes whole again. Items stay, also empty ones. */
export function sparse(node: SchemaNode, value: unknown): unknown {
  switch (node.kind) {
    case 'group': {
      const result: Record<string, unknown> = {};
      for (const [name, field] of node.fields) {
        const kept = sparse(field, member(value, name));
        if (kept !== undefined && !(field.kind === 'group' && isRecord(kept) && Object.keys(kept).length === 0)) {
          result[name] = kept;
        }
      }
      return result;
    }
    case 'collection': {
      if (!isRecord(value) || Object.keys(value).length === 0) return undefined;
      return Object.fromEntries(Object.keys(value).map((key) => [key, sparse(node.item, value[key])]));
    }
    case 'sequence':
      if (!Array.isArray(value) || isEqual(value, node.default)) return undefined;
      return value.map((item) => sparse(node.item, item));
    case 'list':
      return node.optional || !isEqual(value, node.default) ? value : undefined;
    case 'value':
      return value === node.default ? undefined : value;
  }
}

function sameOr(known: unknown, made: unknown): unknown {
  return isShallowEqual(known, made) ? known : made;
}

/** Members were made by complete() already: those that are equal are identical. */
function isShallowEqual(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => item === b[index]);
  }
  if (!isRecord(a) || !isRecord(b)) return false;
  const keys = Object.keys(b);
  return keys.length === Object.keys(a).length && keys.every((key) => a[key] === b[key] && Object.hasOwn(a, key));
}

/** Assignment would set the prototype where a file calls a field `__proto__`. */
function define(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}

import { isPrefix } from '../path.ts';
import { complete } from '../schema/complete.ts';
import { type Configuration, configurationSchema } from '../schema/configuration.ts';
import { nodeOf } from '../schema/tree.ts';
import { crossCheck } from './cross-checks.ts';
import { fittingCopy } from './fitting-copy.ts';
import { formatIssue, InvalidConfigurationError, type Issue } from './issue.ts';
import { checkShape } from './shape.ts';

export interface Validated {
  readonly configuration: Configuration;
  /** Worth a second look: warnings, and errors that `known` had already. */
  readonly warnings: readonly Issue[];
}

/**
 * The one place that says whether a configuration is right. `candidate` may leave out what has a default; `known` is one
 * that was right before: what did not change since is not checked again, and comes back as the same object.
 * Throws InvalidConfigurationError with every error at once.
 */
export function validate(candidate: unknown, known?: Configuration): Validated {
  const completed = complete(nodeOf(configurationSchema), candidate, known);
  const misshapen = checkShape(completed, known);
  if (misshapen.length > 0) {
    throw new InvalidConfigurationError([...misshapen, ...errorsBeside(completed, known)]);
  }
  const configuration = completed as Configuration;
  const issues = crossCheck(configuration);
  const added = newErrors(issues, known);
  if (added.length > 0) throw new InvalidConfigurationError(added);
  return { configuration, warnings: issues };
}

/** What does not fit together where a field does not even fit the schema: looked for in a copy that fits. */
function errorsBeside(misshapen: unknown, known: Configuration | undefined): readonly Issue[] {
  const copy = fittingCopy(misshapen, known);
  if (copy === undefined) return [];
  const isPatched = ({ path }: Issue) =>
    copy.patched.some((patched) => isPrefix(path, patched) || isPrefix(patched, path));
  return newErrors(crossCheck(copy.configuration), known).filter((issue) => !isPatched(issue));
}

/** What was wrong before, say since an update brought a new rule, must not keep people from mending something else. */
function newErrors(issues: readonly Issue[], known: Configuration | undefined): readonly Issue[] {
  const errors = issues.filter(({ severity }) => severity === 'error');
  if (errors.length === 0 || known === undefined) return errors;
  const before = new Set(crossCheck(known).map((issue) => formatIssue(issue)));
  return errors.filter((issue) => !before.has(formatIssue(issue)));
}

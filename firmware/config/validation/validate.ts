import { complete } from '../schema/complete.ts';
import { type Configuration, configurationSchema } from '../schema/configuration.ts';
import { nodeOf } from '../schema/tree.ts';
import { crossCheck } from './cross-checks.ts';
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
  // What does not even fit the schema cannot be looked at as a whole.
  if (misshapen.length > 0) throw new InvalidConfigurationError(misshapen);
  const configuration = completed as Configuration;
  const issues = crossCheck(configuration);
  const errors = issues.filter(({ severity }) => severity === 'error');
  const added = errors.length > 0 && known !== undefined ? newOnes(errors, crossCheck(known)) : errors;
  if (added.length > 0) throw new InvalidConfigurationError(added);
  return { configuration, warnings: issues };
}

/** What was wrong before, say since an update brought a new rule, must not keep people from mending something else. */
function newOnes(issues: readonly Issue[], before: readonly Issue[]): readonly Issue[] {
  const old = new Set(before.map((issue) => formatIssue(issue)));
  return issues.filter((issue) => !old.has(formatIssue(issue)));
}

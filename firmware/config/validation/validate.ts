import { complete } from '../schema/complete.ts';
import { type Configuration, configurationSchema } from '../schema/configuration.ts';
import { nodeOf } from '../schema/tree.ts';
import { crossCheck } from './cross-checks.ts';
import { InvalidConfigurationError, type Issue } from './issue.ts';
import { checkShape } from './shape.ts';

export interface Validated {
  readonly configuration: Configuration;
  /** Worth a second look; the configuration can be used as it is. */
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
  if (errors.length > 0) throw new InvalidConfigurationError(errors);
  return { configuration, warnings: issues };
}

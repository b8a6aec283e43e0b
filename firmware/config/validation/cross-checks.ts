import type { Path } from '../path.ts';
import type { Configuration } from '../schema/configuration.ts';
import { addressRules } from './address-rules.ts';
import { diallingRules } from './dialling-rules.ts';
import { type Issue, showValue } from './issue.ts';
import { licenceRules } from './licence-rules.ts';
import { lineRules } from './line-rules.ts';
import { numberRules } from './number-rules.ts';
import { phoneRules } from './phone-rules.ts';
import { referenceRules } from './reference-rules.ts';
import { userRules } from './user-rules.ts';

/** What a rule says of one field; `value` is what stands there. */
export type Report = (path: Path, value: unknown, problem: string, cure: string, severity?: Issue['severity']) => void;

/** Looks at a configuration whose every field fits the schema, and reports what does not fit together. */
export type Rule = (configuration: Configuration, report: Report) => void;

const RULES: readonly Rule[] = [
  ...numberRules,
  ...referenceRules,
  ...addressRules,
  ...userRules,
  ...diallingRules,
  ...licenceRules,
  ...phoneRules,
  ...lineRules,
];

const MAX_ISSUES = 200;

/** Everything that does not fit together, warnings among it; bounded. */
export function crossCheck(configuration: Configuration): readonly Issue[] {
  const issues: Issue[] = [];
  const report: Report = (path, value, problem, cure, severity = 'error') => {
    if (issues.length < MAX_ISSUES) issues.push({ severity, path, shown: showValue(path, value), problem, cure });
  };
  for (const rule of RULES) rule(configuration, report);
  return issues;
}

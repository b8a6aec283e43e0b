import { UsageError } from '../../core/errors.ts';
import { findNode, formatPath, type Path } from '../path.ts';
import { visible } from '../visible-text.ts';

/** One thing that is wrong with a configuration, or worth a second look. */
export interface Issue {
  readonly severity: 'error' | 'warning';
  readonly path: Path;
  /** Where it stands in the file that is read, from 1. */
  readonly line?: number;
  readonly fileName?: string;
  /** What stands there, short and on one line; empty where nothing does or where it is a secret. */
  readonly shown: string;
  /** Continues the path: "must be a whole number from 6 to 99999 s". */
  readonly problem: string;
  /** What to do; a sentence. */
  readonly cure: string;
}

const MAX_SHOWN_CHARACTERS = 60;

/** As one line: `box.yaml:12: users.201.noAnswerSeconds (5) must be … . Give it …`; the line only where it is known. */
export function formatIssue({ path, line, fileName = 'line', shown, problem, cure }: Issue): string {
  const place = line === undefined ? '' : `${fileName}:${line}: `;
  const where = path.length === 0 ? 'the configuration' : formatPath(path);
  return `${place}${where}${shown === '' ? '' : ` (${shown})`} ${problem}. ${cure}`;
}

/** Bounded, on one line, and never a secret. */
export function showValue(path: Path, value: unknown): string {
  const node = findNode(path);
  if (value === undefined || (node?.kind === 'value' && node.secret !== undefined)) return '';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? `list of ${value.length}` : '';
  const text = JSON.stringify(value) ?? '';
  return visible(text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text);
}

/** A configuration or an edit that cannot be accepted, with everything that is wrong about it at once. */
export class InvalidConfigurationError extends UsageError {
  readonly issues: readonly Issue[];

  constructor(issues: readonly Issue[]) {
    const count = issues.length === 1 ? 'one field' : `${issues.length} fields`;
    const lines = issues.map((issue) => `\n  ${formatIssue(issue)}`).join('');
    super('CONFIG_INVALID', `${count} cannot be accepted:${lines}\nNothing was changed`, 'Mend them and try again.');
    this.issues = issues;
  }
}

import { showCell } from './csv-table.ts';
import { PROFILE_RIGHTS } from './licensing.ts';
import { formatPath, type Path } from './path.ts';
import { complete } from './schema/complete.ts';
import { type Configuration, configurationSchema } from './schema/configuration.ts';
import type { Licence } from './schema/security.ts';
import { nodeOf } from './schema/tree.ts';
import { applyRows, type RowError, type UserColumn, type UserRow } from './user-rows.ts';
import { InvalidConfigurationError, type Issue } from './validation/issue.ts';
import { validate } from './validation/validate.ts';

/** What is wrong only beside everything else, such as a licence that is used up, becomes the error of a row that caused it. */
export function refuseWhatDoesNotFit(configuration: Configuration, rows: readonly UserRow[]): readonly UserRow[] {
  let settled = rows;
  for (;;) {
    const issues = issuesOf(configuration, settled);
    if (issues.length === 0) return settled;
    const refused = refuseOwn(settled, issues) ?? refuseForLicences(configuration, settled, issues);
    settled = refused ?? refuseCulprit(configuration, settled);
  }
}

/** What the rows make wrong, and was right before. */
function issuesOf(configuration: Configuration, rows: readonly UserRow[]): readonly Issue[] {
  try {
    validate(applyRows(configuration, rows), configuration);
    return [];
  } catch (error) {
    if (!(error instanceof InvalidConfigurationError)) throw error;
    return error.issues;
  }
}

/** Refuses rows about whose own new user, or own settings, something is said; undefined where there are none. */
function refuseOwn(rows: readonly UserRow[], issues: readonly Issue[]): readonly UserRow[] | undefined {
  const refused = rows.map((row) => {
    const issue = issues.find(({ path }) => isOwn(row, path));
    return issue === undefined ? row : refuse(row, issue);
  });
  return refused.some((row, index) => row !== rows[index]) ? refused : undefined;
}

function isOwn(row: UserRow, path: Path): boolean {
  switch (row.fate) {
    case 'create':
      return (path[0] === 'users' || path[0] === 'extensions') && path[1] === row.number;
    case 'update':
      return row.settings.some((setting) => formatPath(setting.path) === formatPath(path));
    default:
      return false;
  }
}

/**
 * Licences are given out in the order of the numbers, so that one who was there may be told that a new one took the last:
 * then the last rows that took one of the same are refused, as many as there are too many.
 */
function refuseForLicences(
  configuration: Configuration,
  rows: readonly UserRow[],
  issues: readonly Issue[],
): readonly UserRow[] | undefined {
  const after = complete(nodeOf(configurationSchema), applyRows(configuration, rows), configuration) as Configuration;
  const settled = [...rows];
  for (const issue of issues) {
    const [collection, number = '', field] = issue.path;
    if (collection !== 'users' || field !== 'profile') continue;
    const wanted = licencesOf(after, number);
    const index = settled.findLastIndex(({ fate, number: taker }) => {
      if (fate !== 'create' && fate !== 'update') return false;
      const had = licencesOf(configuration, taker);
      return licencesOf(after, taker).some((licence) => wanted.includes(licence) && !had.includes(licence));
    });
    const row = settled[index];
    if (row !== undefined) settled[index] = refuse(row, issue, 'profile');
  }
  return settled.some((row, index) => row !== rows[index]) ? settled : undefined;
}

function licencesOf({ users }: Configuration, number: string): readonly Licence[] {
  const user = Object.hasOwn(users, number) ? users[number] : undefined;
  return user === undefined ? [] : PROFILE_RIGHTS[user.profile].userLicences;
}

/** Refuses the row with which it begins that something is wrong. Without any row nothing is. */
function refuseCulprit(configuration: Configuration, rows: readonly UserRow[]): readonly UserRow[] {
  let right = 0;
  let wrong = rows.length;
  while (wrong - right > 1) {
    const middle = Math.floor((right + wrong) / 2);
    if (issuesOf(configuration, rows.slice(0, middle)).length === 0) right = middle;
    else wrong = middle;
  }
  const [issue] = issuesOf(configuration, rows.slice(0, wrong));
  const culprit = rows[wrong - 1];
  if (issue === undefined || culprit === undefined) throw new Error('the rows are right');
  const problem = `makes ${formatPath(issue.path)} wrong, which ${issue.problem}`;
  return rows.map((row) => (row === culprit ? refuse(row, { ...issue, problem }) : row));
}

/** `column`: where the row is to blame for what is said of another user. */
function refuse(row: UserRow, { path, problem, cure }: Issue, column?: UserColumn): RowError {
  const { line, number, name } = row;
  const settings = row.fate === 'create' || row.fate === 'update' ? row.settings : [];
  const setting = settings.find((each) =>
    column === undefined ? formatPath(each.path) === formatPath(path) : each.column === column,
  );
  const value = setting === undefined ? '' : showCell(setting.value);
  return { fate: 'error', line, number, name, column: setting?.column ?? column, value, problem, cure };
}

import { checkLines } from './check-lines.ts';
import { type Dialect, dialectOf, KNOWN_MODELS, type KnownModel, VARIABLES } from './client.ts';
import { variableOf } from './condition.ts';
import { type EvaluationOptions, type FetchFile, FIRST_FILE_NAME, followSettings } from './evaluator.ts';
import { reach } from './reach.ts';
import { readSettings, type SettingsText } from './reader.ts';
import type { Statement } from './statement.ts';
import { quote, type Warning, WarningList } from './warning.ts';

/** Read after the generated file, and so what an installer's own settings belong in. */
export const SPECIALS_FILE_NAME = '46xxspecials.txt';

export interface LintOptions extends Pick<EvaluationOptions, 'file' | 'fetchFile'> {
  /** KNOWN_MODELS where it is left out. */
  readonly models?: readonly KnownModel[];
}

/** One way in which a model can be running. */
interface Client {
  readonly family: KnownModel['family'];
  readonly variables: { readonly MODEL4: string; readonly SIG_IN_USE: string };
  readonly dialect: Dialect;
}

/** What the clients come to of the first file, by the index of the line. */
interface Reached {
  readonly byAny: Uint8Array;
  readonly byWorkplace: Uint8Array;
}

/** Lines followed, over all clients and groups; a real file takes some hundred thousand. */
const MAX_LINES_FOLLOWED = 4_000_000;
/** Beside group 0, those that the file asks for. A system has five. */
const MAX_GROUPS = 10;

const ADDRESS_MODES: readonly string[] = ['SIGNALING_ADDR_MODE', 'MEDIA_ADDR_MODE'];
/** At the end of the name: PHONE_LOCK_PASSWORD_FAILED_ATTEMPTS is a number. */
const SECRET = /(?:PASSWORD|PASSWD|PASSPHRASE|PSWD|PSWRD|SECRET|PSK|_PIN|WEP_KEY|SNMPSTRING)\d*$/i;
/** Nothing, or a switch: PRESERVE_LOGIN_PASSWORD 1. */
const NO_SECRET = /^ *[01]? *$/;

/**
 * Every warning over every known model, in each of its signallings and in each group that the file asks for; one of a kind
 * for a line, this file's first, then by line. At most MAX_WARNINGS.
 */
export function lintSettings(text: SettingsText, options: LintOptions = {}): readonly Warning[] {
  const { file = FIRST_FILE_NAME, models = KNOWN_MODELS } = options;
  const warnings = new WarningList();
  checkLines(text, file, warnings);
  checkTags(text, file, warnings);
  const clients = clientsOf(models);
  const reached = reachedLines(text, clients);
  if (reached !== undefined) checkSections(text, file, reached, warnings);
  checkSettings(text, file, reached, warnings);
  if (!followAll(text, clients, { file, fetchFile: readOnce(options.fetchFile) }, warnings) || reached === undefined) {
    warnings.add(file, 1, 'not-checked', 'too long to be followed for every model and group: not all was checked');
  }
  const place = (warning: Warning) => (warning.file === file ? '' : warning.file);
  return warnings.list().toSorted((a, b) => compareText(place(a), place(b)) || a.line - b.line);
}

/** Jumps to where no tag is, on lines that no model comes to as well, and tags of one name. */
function checkTags({ lines, tags }: SettingsText, file: string, warnings: WarningList): void {
  for (const { number, content } of lines) {
    const statement = content.kind === 'statement' ? content.statement : undefined;
    if (statement?.kind !== 'if' && statement?.kind !== 'goto') continue;
    if (!tags.has(statement.tag)) {
      warnings.add(file, number, 'unknown-tag', `no tag ${quote(statement.tag)}: the rest is ignored`);
    }
    const variable = statement.kind === 'if' ? variableOf(statement) : undefined;
    if (variable !== undefined && !VARIABLES.includes(variable)) {
      warnings.add(file, number, 'unknown-variable', `no client knows ${quote(`$${variable}`)}: the line is ignored`);
    }
  }
  for (const [tag, [, ...later]] of tags) {
    for (const index of later) {
      warnings.add(
        file,
        index + 1,
        'duplicate-tag',
        `${quote(tag)} stands above too: a jump goes to the next one below it`,
      );
    }
  }
}

function checkSections({ lines }: SettingsText, file: string, { byAny }: Reached, warnings: WarningList): void {
  for (const [index, { number, content }] of lines.entries()) {
    if (content.kind !== 'statement' || content.statement.kind !== 'tag' || byAny[index] === 1) continue;
    warnings.add(file, number, 'unreached-section', `no known model comes to ${quote(content.statement.tag)}`);
  }
}

/** Where it is not known who comes to a line, everybody may. */
function checkSettings(
  { lines }: SettingsText,
  file: string,
  reached: Reached | undefined,
  warnings: WarningList,
): void {
  for (const [index, { number, content }] of lines.entries()) {
    if (content.kind !== 'statement' || content.statement.kind !== 'set') continue;
    const { name, value } = content.statement;
    // Whoever asks for the file sees the whole of it, so it does not matter who comes to the line.
    if (SECRET.test(name) && !NO_SECRET.test(value)) {
      warnings.add(
        file,
        number,
        'secret',
        `${quote(name)} looks like a secret, and whoever fetches the file can read it`,
      );
    }
    const isForWorkplace = reached === undefined || reached.byWorkplace[index] === 1;
    if (file === SPECIALS_FILE_NAME && isForWorkplace && ADDRESS_MODES.includes(name)) {
      const reason = 'Workplace clients in the office would take it too, and lose the addresses that they should use';
      warnings.add(file, number, 'address-mode', `${quote(name)} is not for this file: ${reason}`);
    }
  }
}

/** Undefined: too long a file to find out. */
function reachedLines(text: SettingsText, clients: readonly Client[]): Reached | undefined {
  const size = text.lines.length;
  if (size * clients.length > MAX_LINES_FOLLOWED) return undefined;
  const byAny = new Uint8Array(size);
  const byWorkplace = new Uint8Array(size);
  for (const { family, variables, dialect } of clients) {
    for (const [index, isReached] of reach(text, new Map(Object.entries(variables)), dialect).entries()) {
      if (isReached === 0) continue;
      byAny[index] = 1;
      if (family === 'Workplace') byWorkplace[index] = 1;
    }
  }
  return { byAny, byWorkplace };
}

/** False: there was more to follow than MAX_LINES_FOLLOWED or MAX_GROUPS allow. */
function followAll(
  text: SettingsText,
  clients: readonly Client[],
  options: LintOptions,
  warnings: WarningList,
): boolean {
  const groups = groupsOf(text);
  let followed = 0;
  for (const { variables, dialect } of clients) {
    for (const group of groups.slice(0, MAX_GROUPS + 1)) {
      const evaluation = followSettings(text, { ...variables, GROUP: group }, { ...options, dialect });
      // What a model is not known to have is no fault of the file.
      warnings.addAll(evaluation.warnings.filter(({ code }) => code !== 'variable-not-given'));
      for (const { lines } of evaluation.texts.values()) followed += lines.length;
      if (followed > MAX_LINES_FOLLOWED) return false;
    }
  }
  return groups.length <= MAX_GROUPS + 1;
}

/** Each file is fetched and read once for all clients. One that cannot be read is left for each to find out. */
function readOnce(fetchFile: FetchFile = () => undefined): FetchFile {
  const fetched = new Map<string, ReturnType<FetchFile>>();
  return (name) => {
    if (!fetched.has(name)) fetched.set(name, readIfPossible(fetchFile(name)));
    return fetched.get(name);
  };
}

function readIfPossible(content: ReturnType<FetchFile>): ReturnType<FetchFile> {
  if (typeof content !== 'string' && !(content instanceof Uint8Array)) return content;
  try {
    return readSettings(content);
  } catch {
    return content;
  }
}

/** Group 0 and those that the file asks for. */
function groupsOf({ lines }: SettingsText): readonly string[] {
  const groups = new Set(['0']);
  for (const { content } of lines) {
    const statement: Statement | undefined = content.kind === 'statement' ? content.statement : undefined;
    if (statement?.kind === 'if' && statement.left === '$GROUP') groups.add(statement.right);
  }
  return [...groups];
}

function clientsOf(models: readonly KnownModel[]): readonly Client[] {
  return models.flatMap(({ model, family, signalling }) =>
    signalling.map((inUse) => ({
      family,
      variables: { MODEL4: model, SIG_IN_USE: inUse },
      dialect: dialectOf(model),
    })),
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

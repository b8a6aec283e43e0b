import { checkLines } from './check-lines.ts';
import { type ClientVariables, completeVariables, type Dialect, dialectOf } from './client.ts';
import { decide } from './condition.ts';
import { findTag } from './find-tag.ts';
import { Macros } from './macros.ts';
import { readSettings, type SettingsText } from './reader.ts';
import type { Statement } from './statement.ts';
import { quote, type Warning, WarningList } from './warning.ts';

export type { ClientVariables } from './client.ts';

/** Every phone and client asks for this one first. */
export const FIRST_FILE_NAME = '46xxsettings.txt';

/** A jump that a client took. `tag` is where it went on; after a GET it went on at the start of the file `name`. */
export type Jump =
  | { readonly kind: 'if' | 'goto'; readonly file: string; readonly line: number; readonly tag: string }
  | { readonly kind: 'get'; readonly file: string; readonly line: number; readonly name: string };

/** A setting as a client ends up with it. */
export interface EffectiveSetting {
  readonly name: string;
  /** Without quotes around it, and with macros put in. */
  readonly value: string;
  /** The file that set it last, and the line. */
  readonly file: string;
  readonly line: number;
  /** The tag last passed in that file before that line; empty above the first one. */
  readonly section: string;
  /** How many of the evaluation's jumps led there: see `pathTo`. */
  readonly jumpCount: number;
}

/** A file that the client asks for on the way. After `missing` and `refused` the file that asks goes on. */
export interface FileGet {
  /** The file that asks, and the line. */
  readonly file: string;
  readonly line: number;
  /** With macros put in. */
  readonly name: string;
  /** `loop`: it was read before, so the reading ended there. `refused`: it is too long, or one too many. */
  readonly outcome: 'fetched' | 'loop' | 'missing' | 'refused';
}

export interface Evaluation {
  /** In the order in which they were set for good; of several with one name the last. */
  readonly settings: readonly EffectiveSetting[];
  readonly gets: readonly FileGet[];
  /** Those that were taken, in their order. */
  readonly jumps: readonly Jump[];
  /** The files that were read, by their names. */
  readonly texts: ReadonlyMap<string, SettingsText>;
  readonly warnings: readonly Warning[];
}

/**
 * Gives the file of that name as the client would get it, read already or not; undefined: it would get none. What it
 * throws comes out of the evaluation.
 */
export type FetchFile = (name: string) => string | Uint8Array | SettingsText | undefined;

export interface EvaluationOptions {
  /** The name of the first file. FIRST_FILE_NAME where it is left out. */
  readonly file?: string;
  /** Where it is left out, every GET finds no file. */
  readonly fetchFile?: FetchFile;
  /** Files that are read, the first among them; one more is refused. */
  readonly maxFiles?: number;
  /** How the client takes an IF. As its `MODEL4` does where it is left out. */
  readonly dialect?: Dialect;
}

/** Twice the longest chain that makes sense: settings, specials, a branch's and a phone's own. */
const MAX_FILES = 8;

/** What a client puts in for its name in a value or in the name of a file. */
const MACROS = new Macros(['MACADDR', 'MACADDR_UPPER', 'MODEL4', 'SERIALNO']);

/**
 * Follows a settings file as a client with these variables does. It always ends: the variables do not change, so a line
 * that comes round again would come round for ever, and the reading stops there; and no file is read twice.
 */
export function evaluateSettings(
  text: SettingsText,
  variables: ClientVariables,
  options: EvaluationOptions = {},
): Evaluation {
  const evaluation = followSettings(text, variables, options);
  const warnings = new WarningList();
  for (const [file, read] of evaluation.texts) checkLines(read, file, warnings);
  warnings.addAll(evaluation.warnings);
  const complete = completeVariables(variables);
  const settings = evaluation.settings.map((setting) => {
    const { text: value, missing } = MACROS.expand(setting.value, complete);
    if (missing !== undefined) warnings.add(setting.file, setting.line, 'variable-not-given', notPutIn(missing));
    return { ...setting, value };
  });
  return { ...evaluation, settings, warnings: warnings.list() };
}

/** The way alone: values keep their macros, and there are no warnings for what is wrong with a line by itself. */
export function followSettings(
  text: SettingsText,
  variables: ClientVariables,
  options: EvaluationOptions = {},
): Evaluation {
  return new Reading(variables, options).follow(text);
}

/** The jumps that led to a setting. */
export function pathTo(evaluation: Evaluation, setting: EffectiveSetting): readonly Jump[] {
  return evaluation.jumps.slice(0, setting.jumpCount);
}

/** One client's way through the files. */
class Reading {
  readonly #variables: ReadonlyMap<string, string>;
  readonly #dialect: Dialect;
  readonly #fetchFile: FetchFile;
  readonly #maxFiles: number;
  readonly #settings = new Map<string, EffectiveSetting>();
  readonly #gets: FileGet[] = [];
  readonly #jumps: Jump[] = [];
  readonly #texts = new Map<string, SettingsText>();
  readonly #warnings = new WarningList();
  #file: string;

  constructor(variables: ClientVariables, options: EvaluationOptions) {
    this.#variables = completeVariables(variables);
    this.#dialect = options.dialect ?? dialectOf(this.#variables.get('MODEL4'));
    this.#fetchFile = options.fetchFile ?? (() => undefined);
    this.#maxFiles = options.maxFiles ?? MAX_FILES;
    this.#file = options.file ?? FIRST_FILE_NAME;
  }

  follow(first: SettingsText): Evaluation {
    for (let text: SettingsText | undefined = first; text !== undefined; ) {
      this.#texts.set(this.#file, text);
      text = this.#followFile(text);
    }
    return {
      settings: [...this.#settings.values()],
      gets: this.#gets,
      jumps: this.#jumps,
      texts: this.#texts,
      warnings: this.#warnings.list(),
    };
  }

  /** The file to go on with, where a GET brought one. */
  #followFile({ lines, tags }: SettingsText): SettingsText | undefined {
    const visited = new Uint8Array(lines.length);
    let section = '';
    let index = 0;
    for (let line = lines[0]; line !== undefined; line = lines[index]) {
      const { content, number } = line;
      if (visited[index] === 1) {
        this.#warn(number, 'loop', 'the reading comes round to this line again: the rest is ignored');
        return undefined;
      }
      visited[index] = 1;
      const statement = content.kind === 'statement' ? content.statement : undefined;
      if (statement?.kind === 'tag') section = statement.tag;
      if (statement?.kind === 'set') this.#set(statement, number, section);
      if (statement?.kind === 'get') {
        const next = this.#get(statement.file, number);
        if (next === 'loop') return undefined;
        if (next !== undefined) return next;
      }
      if (statement?.kind === 'goto' || (statement?.kind === 'if' && this.#holds(statement, number))) {
        const target = findTag(tags, statement.tag, index);
        if (target === undefined) {
          this.#warn(number, 'unknown-tag', `no tag ${quote(statement.tag)}: the rest is ignored`);
          return undefined;
        }
        this.#jumps.push({ kind: statement.kind, file: this.#file, line: number, tag: statement.tag });
        index = target;
      } else {
        index += 1;
      }
    }
    return undefined;
  }

  #set({ name, value }: Extract<Statement, { kind: 'set' }>, line: number, section: string): void {
    const before = this.#settings.get(name);
    if (before !== undefined) {
      const text = `${quote(name)} stood in line ${before.line} of ${quote(before.file)} already: the last one wins`;
      this.#warn(line, 'duplicate', text);
      this.#settings.delete(name);
    }
    const setting = { name, value, file: this.#file, line, section };
    this.#settings.set(name, { ...setting, jumpCount: this.#jumps.length });
  }

  #holds(statement: Extract<Statement, { kind: 'if' }>, line: number): boolean {
    const outcome = decide(statement, this.#variables, this.#dialect);
    if (outcome.kind === 'ignored') this.#warn(line, outcome.code, outcome.text);
    return outcome.kind === 'holds';
  }

  /** Undefined: this file goes on. */
  #get(file: string, line: number): SettingsText | 'loop' | undefined {
    const { text: name, missing } = MACROS.expand(file, this.#variables);
    if (missing !== undefined) this.#warn(line, 'variable-not-given', notPutIn(missing));
    const fetched = this.#fetch(name, line);
    const outcome = typeof fetched === 'string' ? fetched : 'fetched';
    this.#gets.push({ file: this.#file, line, name, outcome });
    if (fetched === 'missing' || fetched === 'refused') return undefined;
    this.#jumps.push({ kind: 'get', file: this.#file, line, name });
    if (fetched !== 'loop') this.#file = name;
    return fetched;
  }

  #fetch(name: string, line: number): SettingsText | Exclude<FileGet['outcome'], 'fetched'> {
    if (this.#texts.has(name)) {
      this.#warn(line, 'file-already-read', `${quote(name)} was read already, so this would never end: it ends here`);
      return 'loop';
    }
    if (this.#texts.size >= this.#maxFiles) {
      this.#warn(line, 'too-many-files', `${this.#maxFiles} files were read already: this one is passed over`);
      return 'refused';
    }
    const content = this.#fetchFile(name);
    if (content === undefined) return 'missing';
    try {
      return typeof content === 'string' || content instanceof Uint8Array ? readSettings(content) : content;
    } catch {
      this.#warn(line, 'file-not-readable', `${quote(name)} is too long for a settings file: it is passed over`);
      return 'refused';
    }
  }

  #warn(line: number, code: Warning['code'], text: string): void {
    this.#warnings.add(this.#file, line, code, text);
  }
}

function notPutIn(variable: string): string {
  return `${quote(`$${variable}`)} is not known of this client and stays as it is`;
}

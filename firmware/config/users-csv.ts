import { UsageError } from '../core/errors.ts';
import { type CsvOptions, type CsvRow, printable, readCsv, showCell } from './csv-table.ts';
import { nodeAt, type Path, valueAt } from './path.ts';
import { type Configuration, configurationSchema } from './schema/configuration.ts';
import { isText } from './schema/text.ts';
import { groupOf } from './schema/tree.ts';
import type { Profile } from './schema/user.ts';
import { generatePassword } from './secrets/generate-password.ts';
import { makeSipPassword, type SecretContext } from './secrets/make-secret.ts';
import { UserNumbers } from './user-numbers.ts';
import { refuseWhatDoesNotFit } from './user-row-refusal.ts';
import { applyRows, type Setting, USER_COLUMNS, type UserColumn, type UserRow } from './user-rows.ts';

/** Where a cell goes within its user; names and the extension are made of several. */
const FIELDS: Readonly<Partial<Record<UserColumn, Path>>> = {
  email: ['email'],
  workphone: ['contact', 'workPhone'],
  homephone: ['contact', 'homePhone'],
  cellphone: ['contact', 'cellPhone'],
  language: ['locale'],
  address: ['contact', 'address'],
  city: ['contact', 'city'],
  region: ['contact', 'region'],
  postal: ['contact', 'postalCode'],
  country: ['contact', 'country'],
  profile: ['profile'],
  name: ['name'],
};

const MAX_NAME_CHARACTERS = 64;

export interface UsersCsvOptions extends CsvOptions {
  /** New users without an extension in the file get the next free number from here on; left out: they are errors. */
  readonly firstExtension?: string;
  /** Of new users where the file says none; left out: the schema's default. */
  readonly profile?: Profile;
  /** For the passwords of new extensions. */
  readonly secrets: Omit<SecretContext, 'configuration'>;
}

export interface UsersPreview {
  readonly rows: readonly UserRow[];
}

/**
 * What an import of `text` would do, row by row, and nothing done yet. A user is found by the extension, else by the
 * e-mail address; empty cells change nothing. Throws UsageError as readCsv, CONFIG_CSV_COLUMNS without both of these
 * columns, CONFIG_CSV_OPTION.
 */
export async function previewUsers(
  configuration: Configuration,
  text: string,
  options: UsersCsvOptions,
): Promise<UsersPreview> {
  const { columns, rows } = await readCsv(text, USER_COLUMNS, options);
  if (!columns.includes('email') && !columns.includes('extension')) {
    throw new UsageError(
      'CONFIG_CSV_COLUMNS',
      'the first line names neither the column email nor the column extension',
      'One of them must tell which user a row is.',
    );
  }
  const importer = new Importer(configuration, options, rows);
  return {
    rows: refuseWhatDoesNotFit(
      configuration,
      rows.map((row) => importer.row(row)),
    ),
  };
}

/**
 * The configuration as it shall be, for the store's edit. Throws UsageError CONFIG_USERS_INVALID where a row cannot be
 * imported, unless `skipErrors` leaves such rows out.
 */
export function applyUsers(
  configuration: Configuration,
  { rows }: UsersPreview,
  { skipErrors = false }: { readonly skipErrors?: boolean } = {},
): unknown {
  const errors = rows.filter(({ fate }) => fate === 'error');
  if (errors.length > 0 && !skipErrors) {
    throw new UsageError(
      'CONFIG_USERS_INVALID',
      `${errors.length} of ${rows.length} rows cannot be imported. Nothing was changed`,
      'Mend them, or import the others alone with --skip-errors.',
    );
  }
  return applyRows(configuration, rows);
}

/** Thrown within the making of a row, and never outside of it. */
class RowProblem extends Error {
  readonly column: UserColumn;
  readonly problem: string;
  readonly cure: string;

  constructor(column: UserColumn, problem: string, cure: string) {
    super(problem);
    this.column = column;
    this.problem = problem;
    this.cure = cure;
  }
}

type Cells = ReadonlyMap<UserColumn, string>;

/** Goes through a file from its first row to its last. */
class Importer {
  readonly #configuration: Configuration;
  readonly #options: UsersCsvOptions;
  readonly #numbers: UserNumbers;
  readonly #byEmail: ReadonlyMap<string, string>;
  /** Lines by what may be in the file once. */
  readonly #seen = new Map<string, number>();
  /** Numbers by name. */
  readonly #names = new Map<string, string>();
  /** Those that the file gives, and no name that is made up here may take. */
  readonly #namesInFile: ReadonlySet<string>;
  /** New users that there is room for. */
  #room: number;

  constructor(configuration: Configuration, options: UsersCsvOptions, records: readonly CsvRow<UserColumn>[]) {
    this.#configuration = configuration;
    this.#options = options;
    const named = records.flatMap((record) => (record.kind === 'cells' ? [record.cells] : []));
    const numbers = named.flatMap((cells) => cells.get('extension') ?? []);
    this.#namesInFile = new Set(named.flatMap((cells) => cells.get('name') ?? []).map(fold));
    this.#numbers = new UserNumbers(configuration, numbers, options.firstExtension);
    const users = Object.entries(configuration.users);
    this.#byEmail = new Map(
      users.filter(([, { email }]) => email !== '').map(([number, { email }]) => [email.toLowerCase(), number]),
    );
    for (const [number, { name }] of users) this.#names.set(fold(name), number);
    for (const [number, { name }] of Object.entries(configuration.huntGroups)) this.#names.set(fold(name), number);
    const room = (['users', 'extensions'] as const).map((name) => {
      const node = groupOf(configurationSchema).fields.get(name);
      return (node?.kind === 'collection' ? node.max : 0) - Object.keys(configuration[name]).length;
    });
    this.#room = Math.min(...room);
  }

  row(record: CsvRow<UserColumn>): UserRow {
    const { line } = record;
    if (record.kind === 'broken') {
      const { problem } = record;
      const cure = 'Check separators and quotes.';
      return { fate: 'error', line, number: '', name: '', column: undefined, value: '', problem, cure };
    }
    const { cells } = record;
    try {
      return this.#read(line, cells);
    } catch (error) {
      if (!(error instanceof RowProblem)) throw error;
      const { column, problem, cure } = error;
      const cell = cells.get(column);
      return {
        fate: 'error',
        line,
        number: /^[0-9]{2,15}$/.test(cells.get('extension') ?? '') ? (cells.get('extension') ?? '') : '',
        name: printable(cells.get('name') ?? fullName(cells)).slice(0, MAX_NAME_CHARACTERS),
        column,
        value: cell === undefined ? '' : showCell(cell),
        problem,
        cure,
      };
    }
  }

  #read(line: number, cells: Cells): UserRow {
    this.#once('extension', cells.get('extension'), line);
    this.#once('email', cells.get('email')?.toLowerCase(), line);
    const known = this.#find(cells);
    const number = known ?? this.#newNumber(cells);
    this.#once('user', number, line);
    const settings = this.#settings(number, cells);
    if (known === undefined) return this.#create(line, number, cells, settings);
    const user = this.#configuration.users[known];
    this.#claimName(cells, known, user?.name);
    const name = cells.get('name') ?? user?.name ?? '';
    const changed = settings.filter(({ path, value }) => valueAt(this.#configuration, path) !== value);
    if (changed.length === 0) return { fate: 'unchanged', line, number, name };
    return { fate: 'update', line, number, name, settings: changed };
  }

  #create(line: number, number: string, cells: Cells, settings: readonly Setting[]): UserRow {
    if (this.#room <= 0) throw new RowProblem('extension', 'is one more than the box takes', 'Remove others first.');
    this.#claimName(cells, number, undefined);
    const name = cells.get('name') ?? this.#makeName(cells, number);
    const password = generatePassword();
    const secrets = makeSipPassword(
      number,
      password,
      { ...this.#options.secrets, configuration: this.#configuration },
      name,
    );
    this.#room -= 1;
    const { profile } = this.#options;
    const own = settings.some(({ column }) => column === 'profile') || profile === undefined;
    const preset: readonly Setting[] = own
      ? []
      : [{ column: 'profile', path: ['users', number, 'profile'], value: profile }];
    return { fate: 'create', line, number, name, settings: [...settings, ...preset], password, secrets };
  }

  /** The user that a row is about; undefined for a new one. */
  #find(cells: Cells): string | undefined {
    const { users, extensions } = this.#configuration;
    const number = cells.get('extension');
    const byEmail = this.#byEmail.get(cells.get('email')?.toLowerCase() ?? '');
    if (number === undefined) return byEmail;
    if (byEmail !== undefined && byEmail !== number) {
      throw new RowProblem(
        'email',
        `is the address of user ${byEmail}`,
        `Give another, or ${byEmail} as the extension.`,
      );
    }
    if (Object.hasOwn(users, number)) return number;
    const extension = Object.hasOwn(extensions, number) ? extensions[number] : undefined;
    if (extension === undefined) return undefined;
    const owner = extension.user === undefined ? 'nobody' : `user ${extension.user}`;
    throw new RowProblem(
      'extension',
      `is there already and belongs to ${owner}`,
      'Give another, or remove that first.',
    );
  }

  #newNumber(cells: Cells): string {
    const taken = this.#numbers.take(cells.get('extension'));
    if (taken.kind === 'refused') throw new RowProblem('extension', taken.problem, taken.cure);
    return taken.number;
  }

  #settings(number: string, cells: Cells): readonly Setting[] {
    const settings: Setting[] = [];
    for (const [column, cell] of cells) {
      const field = FIELDS[column];
      if (field === undefined) continue;
      const path = ['users', number, ...field];
      settings.push({ column, path, value: checked(column, path, normalized(column, cell)) });
    }
    const full = fullName(cells);
    const isWhole = cells.has('firstname') && cells.has('lastname');
    // Half a name would cut that of a user who is there: empty cells change nothing.
    if (full !== '' && (isWhole || !Object.hasOwn(this.#configuration.users, number))) {
      const column = cells.has('firstname') ? 'firstname' : cells.has('lastname') ? 'lastname' : 'middlename';
      const path = ['users', number, 'fullName'];
      settings.push({ column, path, value: checked(column, path, full) });
    }
    const deviceClass = cells.get('class');
    if (deviceClass !== undefined) {
      const path = ['extensions', number, 'class'];
      if (Object.hasOwn(this.#configuration.users, number) && !Object.hasOwn(this.#configuration.extensions, number)) {
        throw new RowProblem('class', `is that of extension ${number}, which is not there`, 'Add the extension first.');
      }
      settings.push({ column: 'class', path, value: checked('class', path, deviceClass.toLowerCase()) });
    }
    return settings;
  }

  #once(what: 'extension' | 'email' | 'user', value: string | undefined, line: number): void {
    if (value === undefined) return;
    const key = `${what} ${value}`;
    const first = this.#seen.get(key);
    if (first === undefined) {
      this.#seen.set(key, line);
      return;
    }
    const column = what === 'email' ? 'email' : 'extension';
    const problem = what === 'user' ? `names user ${value}, as line ${first} does` : `stands in line ${first} too`;
    throw new RowProblem(column, problem, 'Give each user one row.');
  }

  #claimName(cells: Cells, number: string, before: string | undefined): void {
    const name = cells.get('name');
    if (name === undefined || (before !== undefined && fold(before) === fold(name))) return;
    const owner = this.#names.get(fold(name));
    if (owner !== undefined && owner !== number) {
      throw new RowProblem(
        'name',
        `is the name of ${owner} too`,
        'Give each user a name of its own; the full name may be the same.',
      );
    }
    this.#names.set(fold(name), number);
  }

  /** Different from every other, and the same again for the same file. */
  #makeName(cells: Cells, number: string): string {
    const wanted = fullName(cells) || (cells.get('email') ?? '').split('@', 1)[0] || number;
    const taken = this.#names.has(fold(wanted)) || this.#namesInFile.has(fold(wanted));
    const rest = ` ${number}`;
    const name = taken
      ? [...wanted]
          .slice(0, MAX_NAME_CHARACTERS - rest.length)
          .join('')
          .trim() + rest
      : wanted;
    this.#names.set(fold(name), number);
    return name;
  }
}

function fullName(cells: Cells): string {
  return [cells.get('firstname'), cells.get('middlename'), cells.get('lastname')]
    .filter((part) => part !== undefined)
    .join(' ');
}

/** The seeds' own files say `en-UK` for what ISO 3166-1 calls GB. */
function normalized(column: UserColumn, cell: string): string {
  if (column === 'profile') return cell.toLowerCase();
  const [, language, region] = (column === 'language' && /^([a-z]{2})[-_]([a-z]{2})$/i.exec(cell)) || [];
  if (language === undefined || region === undefined) return cell;
  return `${language.toLowerCase()}-${region.toUpperCase().replace('UK', 'GB')}`;
}

function checked(column: UserColumn, path: Path, value: string): string {
  const node = nodeAt(path);
  if (isText(node.schema, value)) return value;
  throw new RowProblem(column, `must be ${node.rule}`, `It is the field “${node.title}”.`);
}

/** As the rule that no name is used twice compares them. */
function fold(name: string): string {
  return name.toLocaleLowerCase('und').trim();
}

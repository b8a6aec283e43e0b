import type { SourceNumber, SourceNumberName } from '../config/source-numbers.ts';
import { BRANCH_SETTINGS_FILE_NAME, SPECIALS_FILE_NAME } from './file-names.ts';
import { fixed, type Origin } from './origin.ts';
import type { SettingsFacts } from './settings-facts.ts';
import type { SettingsLines } from './settings-lines.ts';

/** Where an entry may add lines. */
type Place = 'every-phone' | 'workplace';

interface AddedLines {
  readonly name: SourceNumberName;
  readonly place: Place;
  /** Only for who proved to be a user: it opens something. */
  readonly confidential?: true;
  readonly add: (lines: SettingsLines, number: SourceNumber, origin: Origin, facts: SettingsFacts) => void;
  /** What form `complete` says without such an entry, since Workplace keeps what it was told before. */
  readonly addDefault?: (lines: SettingsLines) => void;
}

const NO_ENTRY = fixed('default without a source number');

/**
 * What the entries of NoUser add; one more is one more row. Those that change what is there anyway, for remote clients,
 * stand in settings-facts.ts.
 */
const ADDED_LINES: readonly AddedLines[] = [
  {
    name: 'SET_46xx_PROCPSWD',
    place: 'every-phone',
    confidential: true,
    add: (lines, { value }, origin) => lines.set('PROCPSWD', value, origin),
  },
  {
    name: 'SET_ADMINPSWD',
    place: 'every-phone',
    confidential: true,
    add: (lines, { value }, origin) => lines.set('ADMINPSWD', value, origin),
  },
  {
    name: 'SET_HEADSYS_1',
    place: 'every-phone',
    add: (lines, _number, origin) => lines.set('HEADSYS', 1, origin),
  },
  {
    name: 'EQNX_CONTACT_MATCHING_MIN_DIGITS',
    place: 'workplace',
    add: (lines, { value }, origin) => lines.set('CONTACT_MATCHING_MIN_DIGITS', Number(value), origin),
    addDefault: (lines) => lines.set('CONTACT_MATCHING_MIN_DIGITS', 10, NO_ENTRY),
  },
  {
    name: 'SET_CDNL',
    place: 'workplace',
    add: addCellularDirectNumbers,
    addDefault: (lines) =>
      lines.set('CELLULAR_DIRECT_ENABLED', 0, NO_ENTRY).set('CELLULAR_DIRECT_NUMBER_LIST', '', NO_ENTRY),
  },
];

export function addSourceNumbers(lines: SettingsLines, facts: SettingsFacts, place: Place): void {
  const isStranger = facts.input.client.profile === undefined;
  for (const row of ADDED_LINES) {
    if (row.place !== place || (row.confidential === true && isStranger)) continue;
    const number = facts.sourceNumbers.get(row.name);
    if (number !== undefined) row.add(lines, number, { sourceNumbers: number.entries }, facts);
    else if (facts.system.phones.fileForm === 'complete') row.addDefault?.(lines);
  }
}

/** Release 12 says DISABLED in the list, release 11 by the switch. */
function addCellularDirectNumbers(
  lines: SettingsLines,
  { value }: SourceNumber,
  origin: Origin,
  { system }: SettingsFacts,
): void {
  const { fileForm } = system.phones;
  if (value !== 'DISABLED') {
    const numbers = value.slice(1, -1).split('","');
    lines.set('CELLULAR_DIRECT_ENABLED', 1, origin).setList('CELLULAR_DIRECT_NUMBER_LIST', numbers, origin);
  } else if (fileForm === 'r12') lines.set('CELLULAR_DIRECT_NUMBER_LIST', 'DISABLED', origin);
  else {
    lines.set('CELLULAR_DIRECT_ENABLED', 0, origin);
    if (fileForm === 'complete') lines.set('CELLULAR_DIRECT_NUMBER_LIST', '', origin);
  }
}

/**
 * The files that follow the generated one. After a GET that succeeds nothing more is read, so the branch file itself has
 * to lead on to the specials.
 */
export function addFollowingFiles(lines: SettingsLines, { sourceNumbers }: SettingsFacts): void {
  const branch = sourceNumbers.get('BRANCH_PHONES_GROUP');
  if (branch !== undefined) {
    const origin = { sourceNumbers: branch.entries };
    lines
      .gotoIf('$GROUP', branch.value, 'BRANCHSETTINGS', origin)
      .goto('SPECIALS')
      .tag('BRANCHSETTINGS')
      .get(BRANCH_SETTINGS_FILE_NAME, origin)
      .tag('SPECIALS');
  }
  lines.get(SPECIALS_FILE_NAME);
}

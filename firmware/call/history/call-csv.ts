import { type CallRecord, secondsOf } from './call-record.ts';

/*
 * Call records as a table (RFC 4180): UTF-8, a comma between the values, CRLF behind each row. What callers chose, such as
 * their names, must do no harm where a spreadsheet opens it.
 */

/** And so where it takes something else than the comma for what parts the values, as it does in half of Europe. */
const INNER_FORMULA = /([;\t\r\n]\s*)(?=[=+\-@|%＝＋－＠])/gu;

type Cell = string | number | undefined;

/**
 * A spreadsheet takes what begins so for a formula, behind blanks too, and the numbers of phones begin with `+`. With an
 * apostrophe before it, it is text.
 */
const FORMULA = /^\s*[=+\-@|%\t\r\n＝＋－＠]/u;

const COLUMNS: readonly (readonly [string, (record: CallRecord) => Cell])[] = [
  ['id', ({ id }) => id],
  ['direction', ({ direction }) => direction],
  ['started', ({ startedAtMs }) => timeOf(startedAtMs)],
  ['ringing', ({ ringingAtMs }) => timeOf(ringingAtMs)],
  ['answered', ({ answeredAtMs }) => timeOf(answeredAtMs)],
  ['ended', ({ endedAtMs }) => timeOf(endedAtMs)],
  ['seconds', secondsOf],
  ['caller_number', ({ caller }) => caller.number],
  ['caller_name', ({ caller }) => caller.name],
  ['caller_user', ({ caller }) => caller.user],
  ['caller_private', ({ caller }) => (caller.isPrivate === true ? 'yes' : '')],
  ['dialled', ({ dialled }) => dialled],
  ['connected_number', ({ connected }) => connected?.number],
  ['connected_name', ({ connected }) => connected?.name],
  ['connected_user', ({ connected }) => connected?.user],
  ['service', ({ service }) => service],
  ['hunt_group', ({ huntGroup }) => huntGroup],
  ['line', ({ line }) => line],
  ['cause', ({ cause }) => cause],
  ['status', ({ status }) => status],
  ['ended_by', ({ endedBy }) => endedBy],
  ['emergency', ({ isEmergency }) => (isEmergency ? 'yes' : '')],
  ['caller_codec', ({ callerQuality }) => callerQuality?.codec],
  ['caller_loss_percent', ({ callerQuality }) => percent(callerQuality?.lossRatio)],
  ['caller_mos', ({ callerQuality }) => callerQuality?.meanOpinionScore?.toFixed(2)],
  ['connected_codec', ({ connectedQuality }) => connectedQuality?.codec],
  ['connected_loss_percent', ({ connectedQuality }) => percent(connectedQuality?.lossRatio)],
  ['connected_mos', ({ connectedQuality }) => connectedQuality?.meanOpinionScore?.toFixed(2)],
  ['follows', ({ follows }) => follows],
  ['transfers', ({ transfers }) => (transfers.length === 0 ? '' : JSON.stringify(transfers))],
  ['recording', ({ recording }) => recording],
];

export const CALL_CSV_HEADER = rowOf(COLUMNS.map(([name]) => name));

export function callCsvRow(record: CallRecord): string {
  return rowOf(COLUMNS.map(([, cell]) => cell(record)));
}

function rowOf(cells: readonly Cell[]): string {
  return `${cells.map(formatCell).join(',')}\r\n`;
}

function formatCell(cell: Cell): string {
  if (cell === undefined) return '';
  if (typeof cell === 'number') return String(cell);
  const plain = cell.toWellFormed().replaceAll('\0', '');
  const inner = plain.replace(INNER_FORMULA, "$1'");
  const safe = FORMULA.test(plain) ? `'${inner}` : inner;
  return /[",\r\n]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function timeOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

function percent(ratio: number | undefined): string | undefined {
  return ratio === undefined ? undefined : (100 * ratio).toFixed(2);
}

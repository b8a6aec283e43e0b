import {
  CALL_CAUSES,
  type CallDirection,
  type CallEnded,
  type CallMeasured,
  type CallParty,
  type CallService,
} from './call-event.ts';
import { type CallRecord, type RecordedTransfer, recordOf, secondsOf } from './call-record.ts';
import type { LiveCall } from './live-call.ts';
import { type UserCall, userCallsOf } from './user-call.ts';

/** Version 1 of DIR/calls.db; README.md says what each column is. */
export const CALLS_SCHEMA_VERSION = 1;
export const CALLS_SCHEMA = `
  CREATE TABLE calls (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    direction TEXT NOT NULL,
    started_at_ms INTEGER NOT NULL,
    ringing_at_ms INTEGER,
    answered_at_ms INTEGER,
    ended_at_ms INTEGER,
    caller_number TEXT NOT NULL,
    caller_name TEXT,
    caller_user TEXT,
    caller_private INTEGER NOT NULL,
    dialled TEXT NOT NULL,
    connected_number TEXT,
    connected_name TEXT,
    connected_user TEXT,
    service TEXT,
    hunt_group TEXT,
    line TEXT,
    cause TEXT,
    status INTEGER,
    ended_by TEXT,
    emergency INTEGER NOT NULL,
    caller_codec TEXT,
    caller_loss REAL,
    caller_mos REAL,
    connected_codec TEXT,
    connected_loss REAL,
    connected_mos REAL,
    follows TEXT,
    transfers TEXT NOT NULL,
    recording TEXT
  ) STRICT;
  CREATE INDEX calls_by_start ON calls (started_at_ms);
  CREATE TABLE user_calls (
    user TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    call TEXT NOT NULL,
    kind TEXT NOT NULL,
    number TEXT NOT NULL,
    name TEXT NOT NULL,
    seconds INTEGER NOT NULL,
    PRIMARY KEY (user, at_ms, call, kind)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX user_calls_by_time ON user_calls (at_ms);
  PRAGMA user_version = ${CALLS_SCHEMA_VERSION};
`;

export interface CallRow {
  readonly id: string;
  readonly direction: string;
  readonly started_at_ms: number;
  readonly ringing_at_ms: number | null;
  readonly answered_at_ms: number | null;
  readonly ended_at_ms: number | null;
  readonly caller_number: string;
  readonly caller_name: string | null;
  readonly caller_user: string | null;
  readonly caller_private: number;
  readonly dialled: string;
  readonly connected_number: string | null;
  readonly connected_name: string | null;
  readonly connected_user: string | null;
  readonly service: string | null;
  readonly hunt_group: string | null;
  readonly line: string | null;
  readonly cause: string | null;
  readonly status: number | null;
  readonly ended_by: string | null;
  readonly emergency: number;
  readonly caller_codec: string | null;
  readonly caller_loss: number | null;
  readonly caller_mos: number | null;
  readonly connected_codec: string | null;
  readonly connected_loss: number | null;
  readonly connected_mos: number | null;
  readonly follows: string | null;
  /** JSON. */
  readonly transfers: string;
  readonly recording: string | null;
}

/** The values of a row, in the order of its columns. */
export type RowValues = readonly (string | number | null)[];

/** What is to be written of a call: nothing of the call itself, with all its events, outlives it for that. */
export interface CallRows {
  readonly id: string;
  readonly record: RowValues;
  readonly userCalls: readonly RowValues[];
}

export function rowsOf(call: LiveCall): CallRows {
  const record = recordOf(call);
  const userCalls = call.ended === undefined ? [] : userCallsOf(call, secondsOf(record));
  return {
    id: record.id,
    record: Object.values(rowOf(record)),
    userCalls: userCalls.map((each) => Object.values(userCallRowOf(each))),
  };
}

/** What is known of a call after its end. */
const MEASURED_COLUMNS = ['caller_loss', 'caller_mos', 'connected_loss', 'connected_mos'] as const;

export function measuredValuesOf({ caller, connected }: CallMeasured): RowValues {
  return [caller, connected].flatMap((heard) => [heard?.lossRatio ?? null, heard?.meanOpinionScore ?? null]);
}

/** The rows of a call that were not written yet, with what is known by now. */
export function withMeasured(rows: CallRows, event: CallMeasured): CallRows {
  const record = [...rows.record];
  for (const [index, value] of measuredValuesOf(event).entries()) record[MEASURED[index] as number] = value;
  return { ...rows, record };
}

/** Of any text that comes from a peer. */
const MAX_TEXT_CHARACTERS = 256;

export function rowOf(record: CallRecord): CallRow {
  const { caller, connected, callerQuality, connectedQuality } = record;
  return {
    id: record.id,
    direction: record.direction,
    started_at_ms: Math.trunc(record.startedAtMs),
    ringing_at_ms: time(record.ringingAtMs),
    answered_at_ms: time(record.answeredAtMs),
    ended_at_ms: time(record.endedAtMs),
    caller_number: bounded(caller.number),
    caller_name: text(caller.name),
    caller_user: text(caller.user),
    caller_private: caller.isPrivate === true ? 1 : 0,
    dialled: bounded(record.dialled),
    connected_number: text(connected?.number),
    connected_name: text(connected?.name),
    connected_user: text(connected?.user),
    service: record.service ?? null,
    hunt_group: text(record.huntGroup),
    line: text(record.line),
    cause: record.cause ?? null,
    status: record.status ?? null,
    ended_by: record.endedBy ?? null,
    emergency: record.isEmergency ? 1 : 0,
    caller_codec: callerQuality?.codec ?? null,
    caller_loss: callerQuality?.lossRatio ?? null,
    caller_mos: callerQuality?.meanOpinionScore ?? null,
    connected_codec: connectedQuality?.codec ?? null,
    connected_loss: connectedQuality?.lossRatio ?? null,
    connected_mos: connectedQuality?.meanOpinionScore ?? null,
    follows: text(record.follows),
    transfers: JSON.stringify(record.transfers.map(transferOf)),
    recording: text(record.recording),
  };
}

/** What is in a row is what `rowOf` wrote: another hand may have, and then only what fits is taken. */
export function recordOfRow(row: CallRow): CallRecord {
  const cause = CALL_CAUSES.find((known) => known === row.cause);
  const connected = partyOf(row.connected_number, row.connected_name, row.connected_user);
  return {
    id: row.id,
    direction: row.direction as CallDirection,
    startedAtMs: row.started_at_ms,
    ...(row.ringing_at_ms === null ? {} : { ringingAtMs: row.ringing_at_ms }),
    ...(row.answered_at_ms === null ? {} : { answeredAtMs: row.answered_at_ms }),
    ...(row.ended_at_ms === null ? {} : { endedAtMs: row.ended_at_ms }),
    caller: {
      ...(partyOf(row.caller_number, row.caller_name, row.caller_user) ?? { number: '' }),
      ...(row.caller_private === 1 ? { isPrivate: true } : {}),
    },
    dialled: row.dialled,
    ...(connected === undefined ? {} : { connected }),
    ...(row.service === null ? {} : { service: row.service as CallService }),
    ...(row.hunt_group === null ? {} : { huntGroup: row.hunt_group }),
    ...(row.line === null ? {} : { line: row.line }),
    ...(cause === undefined ? {} : { cause }),
    ...(row.status === null ? {} : { status: row.status }),
    ...(row.ended_by === null ? {} : { endedBy: row.ended_by as CallEnded['by'] }),
    isEmergency: row.emergency === 1,
    ...quality('callerQuality', 0, row.caller_codec, row.caller_loss, row.caller_mos),
    ...quality('connectedQuality', 1, row.connected_codec, row.connected_loss, row.connected_mos),
    ...(row.follows === null ? {} : { follows: row.follows }),
    transfers: transfersOf(row.transfers),
    ...(row.recording === null ? {} : { recording: row.recording }),
  };
}

export interface UserCallRow {
  readonly user: string;
  readonly at_ms: number;
  readonly call: string;
  readonly kind: string;
  readonly number: string;
  readonly name: string;
  readonly seconds: number;
}

export function userCallRowOf({ user, atMs, call, kind, number, name, seconds }: UserCall): UserCallRow {
  return { user, at_ms: Math.trunc(atMs), call, kind, number: bounded(number), name: bounded(name), seconds };
}

/** The order of `RowValues`: that in which the objects are written down above. */
export const CALL_COLUMNS: readonly string[] = Object.keys(
  rowOf({
    ...{ id: '', direction: 'internal', startedAtMs: 0, caller: { number: '' } },
    ...{ dialled: '', isEmergency: false, transfers: [] },
  }),
);
const MEASURED: readonly number[] = MEASURED_COLUMNS.map((name) => CALL_COLUMNS.indexOf(name));
/** Takes `measuredValuesOf`, and the id of the call. */
export const UPDATE_MEASURED = `UPDATE calls SET ${MEASURED_COLUMNS.map((name) => `${name} = ?`).join()} WHERE id = ?`;
export const USER_CALL_COLUMNS: readonly string[] = Object.keys(
  userCallRowOf({ user: '', call: '', kind: 'placed', atMs: 0, number: '', name: '', seconds: 0 }),
);

export function userCallOfRow({ user, at_ms: atMs, call, kind, number, name, seconds }: UserCallRow): UserCall {
  return { user, atMs, call, kind: kind as UserCall['kind'], number, name, seconds };
}

function partyOf(number: string | null, name: string | null, user: string | null): CallParty | undefined {
  if (number === null) return undefined;
  return { number, ...(name === null ? {} : { name }), ...(user === null ? {} : { user }) };
}

function quality<Name extends 'callerQuality' | 'connectedQuality'>(
  name: Name,
  leg: number,
  codec: string | null,
  lossRatio: number | null,
  score: number | null,
) {
  if (codec === null) return {};
  return {
    [name]: {
      ...{ leg, codec },
      ...(lossRatio === null ? {} : { lossRatio }),
      ...(score === null ? {} : { meanOpinionScore: score }),
    },
  };
}

function transferOf({ to, replaced, by, ...transfer }: RecordedTransfer): RecordedTransfer {
  return {
    ...transfer,
    ...{ to: bounded(to), replaced: bounded(replaced) },
    ...(by === undefined ? {} : { by: bounded(by) }),
  };
}

function transfersOf(json: string): readonly RecordedTransfer[] {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? (value as readonly RecordedTransfer[]) : [];
  } catch {
    return [];
  }
}

function time(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.trunc(ms);
}

function text(value: string | undefined): string | null {
  return value === undefined ? null : bounded(value);
}

/** SQLite keeps no lone surrogate as it was. */
function bounded(value: string): string {
  return value.slice(0, MAX_TEXT_CHARACTERS).toWellFormed();
}

import type { CallCause, CallDirection, CallEnded, CallParty, CallService, LegQuality } from './call-event.ts';
import type { LiveCall } from './live-call.ts';

/** Somebody came into the conversation in another's place. */
export interface RecordedTransfer {
  readonly atMs: number;
  readonly how: 'transfer' | 'pick-up' | 'steal' | 'unpark';
  /** The numbers of who came, who left, and who did it. */
  readonly to: string;
  readonly replaced: string;
  readonly by?: string;
  /** The id of the record of the call that he came from. */
  readonly from?: string;
}

/** The account of one call. Times are milliseconds since the Unix epoch. */
export interface CallRecord {
  readonly id: string;
  readonly direction: CallDirection;
  readonly startedAtMs: number;
  readonly ringingAtMs?: number;
  readonly answeredAtMs?: number;
  /** Absent while it runs. */
  readonly endedAtMs?: number;
  readonly caller: CallParty;
  readonly dialled: string;
  /** Who answered; the last one where several did. */
  readonly connected?: CallParty;
  readonly service?: CallService;
  readonly huntGroup?: string;
  readonly line?: string;
  readonly cause?: CallCause;
  readonly status?: number;
  readonly endedBy?: CallEnded['by'];
  readonly isEmergency: boolean;
  readonly callerQuality?: LegQuality;
  readonly connectedQuality?: LegQuality;
  /** The id of the record of the call that it came of. */
  readonly follows?: string;
  readonly transfers: readonly RecordedTransfer[];
  readonly recording?: string;
}

/** Of a call as it is now: of one that runs too, so that a power cut does not take it. */
export function recordOf(call: LiveCall): CallRecord {
  const { started, legs, ended } = call;
  const connected = legs.find(({ leg }) => leg === call.connected);
  const quality = (leg: number | undefined) => ended?.quality?.find((each) => each.leg === leg);
  const caller = quality(started.caller.leg);
  const called = quality(call.connected);
  const line = started.caller.line ?? connected?.line ?? legs.find((leg) => leg.line !== undefined)?.line;
  const huntGroup = connected?.huntGroup ?? legs.find((leg) => leg.huntGroup !== undefined)?.huntGroup;
  return {
    id: started.call,
    direction: started.direction,
    startedAtMs: started.atMs,
    ...(call.ringingAtMs === undefined ? {} : { ringingAtMs: call.ringingAtMs }),
    ...(call.answeredAtMs === undefined ? {} : { answeredAtMs: call.answeredAtMs }),
    ...(ended === undefined ? {} : { endedAtMs: ended.atMs, cause: ended.cause, endedBy: ended.by }),
    ...(ended?.status === undefined ? {} : { status: ended.status }),
    caller: started.caller.party,
    dialled: started.dialled,
    ...(connected === undefined ? {} : { connected: connected.party }),
    ...(call.service === undefined ? {} : { service: call.service }),
    ...(huntGroup === undefined ? {} : { huntGroup }),
    ...(line === undefined ? {} : { line }),
    isEmergency: started.isEmergency === true,
    ...(caller === undefined ? {} : { callerQuality: caller }),
    ...(called === undefined ? {} : { connectedQuality: called }),
    ...(started.follows === undefined ? {} : { follows: started.follows }),
    transfers: transfersOf(call),
    ...(call.recording === undefined ? {} : { recording: call.recording }),
  };
}

/** Of the conversation; 0 where nobody answered, or it still runs. */
export function secondsOf({ answeredAtMs, endedAtMs }: CallRecord): number {
  if (answeredAtMs === undefined || endedAtMs === undefined) return 0;
  return Math.max(0, Math.round((endedAtMs - answeredAtMs) / 1000));
}

function transfersOf({ legs }: LiveCall): readonly RecordedTransfer[] {
  return legs.flatMap(({ joined }) => {
    if (joined === undefined) return [];
    const { atMs, how, leg, replaces, by, from } = joined;
    const replaced = legs.find((each) => each.leg === replaces)?.party.number ?? '';
    return [
      {
        ...{ atMs, how, to: leg.party.number, replaced },
        ...(by === undefined ? {} : { by: by.number }),
        ...(from === undefined ? {} : { from }),
      },
    ];
  });
}

import { isDeepStrictEqual } from 'node:util';
import type {
  CallCause,
  CallDialogKnown,
  CallEnded,
  CallEvent,
  CallJoined,
  CallLeg,
  CallService,
  CallStarted,
} from './call-event.ts';

/** `trying`: it calls, and nobody rings yet. */
export type LegPhase = 'trying' | 'ringing' | 'talking' | 'released';

export interface LiveLeg extends CallLeg {
  readonly phase: LegPhase;
  /** Has the other one on hold. */
  readonly isHolding: boolean;
  /** Has been in the conversation. */
  readonly hasTalked: boolean;
  /** Of one that is released. */
  readonly cause?: CallCause;
  /** It came in place of another one. */
  readonly joined?: CallJoined;
}

/** A call as its events have told it so far. */
export interface LiveCall {
  readonly started: CallStarted;
  readonly ringingAtMs?: number;
  readonly answeredAtMs?: number;
  /** The leg that answered last. */
  readonly connected?: number;
  readonly service?: CallService;
  readonly recording?: string;
  /** Everybody who was in it; a leg never leaves. */
  readonly legs: readonly LiveLeg[];
  readonly ended?: CallEnded;
}

const NEW = { isHolding: false, hasTalked: false } as const;
const TALKING = { phase: 'talking', hasTalked: true } as const;
/** More legs than any call has; those beyond it are not told of. */
const MAX_LEGS = 256;

/** The last step: the records and the presence of users follow the same calls, and take each event right after each other. */
let last:
  | { readonly before: LiveCall | undefined; readonly event: CallEvent; readonly after: LiveCall | undefined }
  | undefined;

/** What a call is after an event. Pure. Undefined for an event of a call whose beginning is not known. */
export function nextLiveCall(call: LiveCall | undefined, event: CallEvent): LiveCall | undefined {
  if (last?.event !== event || last.before !== call) last = { before: call, event, after: step(call, event) };
  return last.after;
}

function step(call: LiveCall | undefined, event: CallEvent): LiveCall | undefined {
  if (event.kind === 'started') {
    return call ?? { started: event, legs: [{ ...event.caller, phase: 'trying', ...NEW }] };
  }
  if (call === undefined || call.ended !== undefined) return call;
  switch (event.kind) {
    case 'ringing':
      return {
        ...call,
        ringingAtMs: call.ringingAtMs ?? event.atMs,
        legs: withCaller(withLeg(call.legs, { ...event.leg, phase: 'ringing', ...NEW }), call, 'ringing'),
      };
    case 'dialog':
      if (isKnown(call.legs, event)) return call;
      return { ...call, legs: change(call.legs, event.leg, { dialog: event.dialog }) };
    case 'answered':
      return {
        ...call,
        answeredAtMs: call.answeredAtMs ?? event.atMs,
        ...(event.leg === undefined ? {} : { connected: event.leg }),
        ...(event.service === undefined ? {} : { service: event.service }),
        legs: withCaller(event.leg === undefined ? call.legs : change(call.legs, event.leg, TALKING), call, 'talking'),
      };
    case 'released':
      return {
        ...call,
        legs: change(call.legs, event.leg, { phase: 'released', isHolding: false, cause: event.cause }),
      };
    case 'held':
    case 'retrieved':
      return { ...call, legs: change(call.legs, event.leg, { isHolding: event.kind === 'held' }) };
    case 'joined': {
      const replaced = call.legs.find(({ leg }) => leg === event.replaces);
      // Who was about to answer has not missed what another one picked up.
      const cause = replaced?.hasTalked === false ? 'answered-elsewhere' : 'transferred';
      const left = change(call.legs, event.replaces, { phase: 'released', isHolding: false, cause });
      return {
        ...call,
        answeredAtMs: call.answeredAtMs ?? event.atMs,
        ...(call.connected === event.replaces || call.connected === undefined ? { connected: event.leg.leg } : {}),
        legs: withLeg(left, { ...event.leg, ...NEW, ...TALKING, joined: event }),
      };
    }
    case 'recorded':
      return { ...call, recording: event.recording };
    case 'measured':
      return call;
    case 'ended':
      return {
        ...call,
        ended: event,
        legs: call.legs.map((leg) => {
          if (leg.phase === 'released') return leg;
          const isElsewhere =
            leg.phase === 'ringing' && leg.leg !== call.started.caller.leg && call.connected !== undefined;
          const cause = isElsewhere ? 'answered-elsewhere' : event.cause;
          return { ...leg, phase: 'released', isHolding: false, cause };
        }),
      };
  }
}

/** The caller hears that it rings, or talks, unless somebody else is in its place by now. */
function withCaller(legs: readonly LiveLeg[], call: LiveCall, phase: 'ringing' | 'talking'): readonly LiveLeg[] {
  const { leg } = call.started.caller;
  const caller = legs.find((each) => each.leg === leg);
  if (caller === undefined || caller.phase === 'released' || caller.phase === 'talking' || caller.phase === phase) {
    return legs;
  }
  return change(legs, leg, phase === 'talking' ? TALKING : { phase });
}

function withLeg(legs: readonly LiveLeg[], leg: LiveLeg): readonly LiveLeg[] {
  if (legs.some((each) => each.leg === leg.leg)) return change(legs, leg.leg, leg);
  if (legs.length < MAX_LEGS) return [...legs, leg];
  // A call that waits for a group for long rings many, and whoever rings now is of more interest than who did once.
  const oldest = legs.findIndex(({ phase }, index) => index > 0 && phase === 'released');
  return oldest < 0 ? legs : [...legs.toSpliced(oldest, 1), leg];
}

function change(legs: readonly LiveLeg[], leg: number, to: Partial<LiveLeg>): readonly LiveLeg[] {
  return legs.map((each) => (each.leg === leg && each.phase !== 'released' ? { ...each, ...to } : each));
}

function isKnown(legs: readonly LiveLeg[], { leg, dialog }: CallDialogKnown): boolean {
  return legs.some((each) => each.leg === leg && isDeepStrictEqual(each.dialog, dialog));
}

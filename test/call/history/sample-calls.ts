import type { CallEvent, CallLeg, CallParty, ObservedDialog } from '../../../firmware/call/history/call-event.ts';
import { type LiveCall, nextLiveCall } from '../../../firmware/call/history/live-call.ts';

export const START_MS = 1_700_000_000_000;

export const RECEPTION: CallParty = { number: '201', name: 'Reception', user: '201' };
export const WORKSHOP: CallParty = { number: '202', name: 'Workshop', user: '202' };
export const WAREHOUSE: CallParty = { number: '203', name: 'Warehouse', user: '203' };
export const OUTSIDE: CallParty = { number: '+442071234567', name: 'Acme' };

export const DIALOG: ObservedDialog = {
  callId: 'abc@box',
  localTag: 'phone',
  remoteTag: 'box',
  target: 'sip:202@192.0.2.2',
};

export type Step =
  | { readonly ring: number; readonly party: CallParty; readonly more?: Partial<CallLeg> }
  | { readonly answer: number }
  | { readonly service: 'mailbox' | 'queue' }
  | { readonly release: number; readonly cause: Extract<CallEvent, { kind: 'released' }>['cause'] }
  | { readonly hold: number }
  | { readonly retrieve: number }
  | { readonly join: number; readonly party: CallParty; readonly replaces: number; readonly from?: string }
  | { readonly record: string }
  | { readonly end: Extract<CallEvent, { kind: 'ended' }>['cause']; readonly by?: 'caller' | 'connected' | 'box' };

export interface Sample {
  readonly id?: string;
  readonly caller?: CallParty;
  readonly dialled?: string;
  readonly startMs?: number;
  readonly isEmergency?: boolean;
  readonly follows?: string;
  readonly steps: readonly Step[];
}

/** The events of a call, a second between each. */
export function eventsOf(sample: Sample): readonly CallEvent[] {
  const { id = 'call-1', caller = RECEPTION, dialled = '202', startMs = START_MS, steps } = sample;
  const direction = caller.user === undefined ? 'incoming' : 'internal';
  const first: CallEvent = {
    ...{ kind: 'started', call: id, atMs: startMs, direction, dialled, caller: { leg: 0, party: caller } },
    ...(sample.isEmergency === undefined ? {} : { isEmergency: sample.isEmergency }),
    ...(sample.follows === undefined ? {} : { follows: sample.follows }),
  };
  return [first, ...steps.map((step, index) => eventOf(step, id, startMs + 1000 * (index + 1)))];
}

function eventOf(step: Step, call: string, atMs: number): CallEvent {
  if ('ring' in step) {
    return { kind: 'ringing', call, atMs, leg: { leg: step.ring, party: step.party, ...step.more } };
  }
  if ('answer' in step) return { kind: 'answered', call, atMs, leg: step.answer };
  if ('service' in step) return { kind: 'answered', call, atMs, service: step.service };
  if ('release' in step) return { kind: 'released', call, atMs, leg: step.release, cause: step.cause };
  if ('hold' in step) return { kind: 'held', call, atMs, leg: step.hold };
  if ('retrieve' in step) return { kind: 'retrieved', call, atMs, leg: step.retrieve };
  if ('join' in step) {
    const { join, party, replaces, from } = step;
    const by = RECEPTION;
    return {
      ...{ kind: 'joined', call, atMs, leg: { leg: join, party }, replaces, how: 'transfer', by },
      ...(from === undefined ? {} : { from }),
    };
  }
  if ('record' in step) return { kind: 'recorded', call, atMs, recording: step.record };
  const quality = [
    { leg: 0, codec: 'PCMA', lossRatio: 0.0125, meanOpinionScore: 4.1 },
    { leg: 1, codec: 'G729', lossRatio: 0, meanOpinionScore: 3.9 },
  ];
  return { kind: 'ended', call, atMs, cause: step.end, by: step.by ?? 'caller', quality };
}

export function callOf(sample: Sample): LiveCall {
  let call: LiveCall | undefined;
  for (const event of eventsOf(sample)) call = nextLiveCall(call, event);
  if (call === undefined) throw new Error('no call');
  return call;
}

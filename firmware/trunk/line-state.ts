import type { MonitorState } from './peer-monitor.ts';
import type { RegistrationState } from './registration.ts';

/** What people are told of a line, and whether calls go over it. */
export interface LineCondition {
  readonly state: 'in-service' | 'out-of-service' | 'starting' | 'disabled';
  /** Why, in words; empty where there is nothing to say. */
  readonly reason: string;
}

export interface LineFacts {
  readonly isEnabled: boolean;
  /** What the configuration lacks; undefined where it is whole. */
  readonly lacks: string | undefined;
  /** Undefined where the line does not register. */
  readonly registration: RegistrationState | undefined;
  /** Undefined where nobody asks the peer. */
  readonly monitor: MonitorState | undefined;
  /** The peer asked for quiet until then (503 with Retry-After). */
  readonly heldUntilMs: number;
  readonly nowMs: number;
}

export function lineCondition(facts: LineFacts): LineCondition {
  const { registration, monitor } = facts;
  if (!facts.isEnabled) return { state: 'disabled', reason: '' };
  if (facts.lacks !== undefined) return { state: 'out-of-service', reason: facts.lacks };
  if (registration !== undefined) {
    const condition = ofRegistration(registration);
    if (condition !== undefined) return condition;
  }
  if (facts.heldUntilMs > facts.nowMs) {
    const seconds = Math.ceil((facts.heldUntilMs - facts.nowMs) / 1000);
    return { state: 'out-of-service', reason: `the peer asked for quiet (503), for another ${seconds} s` };
  }
  if (monitor?.belief === 'down') {
    return { state: 'out-of-service', reason: `OPTIONS without a good answer: ${monitor.lastAnswer}` };
  }
  if (monitor?.belief === 'unknown' && registration === undefined) {
    return { state: 'starting', reason: 'the peer has not answered yet' };
  }
  return { state: 'in-service', reason: registration === undefined && monitor === undefined ? 'not monitored' : '' };
}

/** Undefined where it is registered, or on its way to be so again. */
function ofRegistration(state: RegistrationState): LineCondition | undefined {
  switch (state.phase) {
    case 'registered':
      return undefined;
    case 'registering':
      if (state.isUnwanted) return { state: 'disabled', reason: 'unregistering' };
      if (state.isRefresh) return undefined;
      if (state.failures === 0) return { state: 'starting', reason: 'registering' };
      return { state: 'out-of-service', reason: `registering again after ${count(state.failures)}` };
    case 'waiting':
      return { state: 'out-of-service', reason: `not registered: ${state.reason}` };
    case 'idle':
      return { state: 'starting', reason: 'not registered yet' };
    case 'unregistering':
    case 'ended':
      return { state: 'disabled', reason: 'unregistered' };
  }
}

function count(failures: number): string {
  return failures === 1 ? '1 failure' : `${failures} failures`;
}

/** What the media worker tells by itself. Each kind has its C side in native/session/report.h. */
import { isIP } from 'node:net';
import { isId, isInteger, isLegIndex, isRecord } from './protocol-values.ts';

export type LegIndex = 0 | 1;

/** A leg is now heard from, and sent to, another address than before: where a packet showed that its remote is. */
export interface LatchedEvent {
  readonly kind: 'latched';
  readonly session: number;
  readonly leg: LegIndex;
  readonly address: string;
  readonly port: number;
}

export type MediaEvent = LatchedEvent;

/** As the addon gives every event (native/addon/event.c): what a kind does not need is 0 or empty. */
export interface NativeEvent {
  readonly kind: string;
  readonly session: number;
  /** Absent where an event is not about a leg. */
  readonly leg?: number;
  readonly object: number;
  readonly value: number;
  readonly durationMs: number;
  readonly text: string;
}

/** Undefined for a kind that is not known here. */
export function eventOf(native: NativeEvent): MediaEvent | undefined {
  switch (native.kind) {
    case 'latched':
      return checkEvent({
        kind: 'latched',
        session: native.session,
        leg: native.leg,
        address: native.text,
        port: native.value,
      });
    default:
      return undefined;
  }
}

/** What arrived at the runtime; undefined unless it is a well-formed event. */
export function checkEvent(value: unknown): MediaEvent | undefined {
  if (!isRecord(value) || !isId(value.session)) return undefined;
  const session = value.session;
  switch (value.kind) {
    case 'latched': {
      const { leg, address, port } = value;
      if (!isLegIndex(leg) || typeof address !== 'string' || isIP(address) === 0) return undefined;
      if (!isInteger(port, 0, 65535)) return undefined;
      return { kind: 'latched', session, leg, address, port };
    }
    default:
      return undefined;
  }
}

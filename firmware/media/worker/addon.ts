import { createRequire } from 'node:module';
import { assetPath } from '../../core/assets.ts';
import type { LegIndex, SessionStatistics } from '../protocol.ts';

/**
 * The packet loop in C, which runs on its own thread from the moment the addon is loaded. A call waits until that
 * thread has seen to it, a batch of packets at most.
 *
 * What it throws is an Error with the `code` of a WorkerErrorCode, and `leg` where one leg is to blame.
 */
export interface Addon {
  /** Binds RTP on each port and RTCP on the one after it. Returns a handle. */
  open(address0: string, port0: number, address1: string, port1: number): number;
  /** False when the handle is not open. */
  configure(
    handle: number,
    leg: LegIndex,
    remoteAddress: string,
    remotePort: number,
    codec: number,
    payloadType: number,
    telephoneEventPayloadType: number,
    ptimeMs: number,
    receives: boolean,
    sends: boolean,
    annexB: boolean,
  ): boolean;
  statistics(handle: number): SessionStatistics | undefined;
  close(handle: number): void;
}

/** `enum codec` in native/codec.h. */
export const CODEC_NUMBERS = { PCMU: 0, PCMA: 1, G729: 2 } as const;
/** NO_PAYLOAD_TYPE in native/leg.h. */
export const NO_PAYLOAD_TYPE = 255;
/** A handle that is never open (loop_add in native/loop.h). */
export const NO_HANDLE = 0;

/** Throws what the loader throws when the addon is missing or not for this machine. */
export function loadAddon(): Addon {
  return createRequire(import.meta.url)(assetPath('media.node')) as Addon;
}

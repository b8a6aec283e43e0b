import type { Verb } from './mode.ts';

/** Classes of device that a client can be, or can have its sound at. */
export type ClientDevice = 'desktop' | 'webrtc' | 'mobile';

/** Of all classes, the one to look for first in front. */
export const CLIENT_DEVICES: readonly ClientDevice[] = ['desktop', 'webrtc', 'mobile'];

/** What a client asks. `number` is as the user would dial it. */
export type ControlRequest =
  | { readonly verb: 'make'; readonly number: string }
  | {
      readonly verb: 'transfer';
      readonly call: string;
      readonly number?: string | undefined;
      readonly to?: string | undefined;
    }
  | { readonly verb: 'conference'; readonly calls: readonly string[] }
  | { readonly verb: 'dtmf'; readonly call: string; readonly digits: string }
  | { readonly verb: 'answer' | 'ignore' | 'hold' | 'retrieve' | 'drop' | 'move'; readonly call: string }
  | {
      readonly verb: Exclude<
        Verb,
        'make' | 'transfer' | 'conference' | 'dtmf' | 'answer' | 'ignore' | 'hold' | 'retrieve' | 'drop' | 'move'
      >;
    };

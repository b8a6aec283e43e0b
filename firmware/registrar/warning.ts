import { formatWarning, type HeaderField } from '../sip/stack.ts';

/** Why a device is refused, for whoever looks at its screen or a trace (RFC 3261 §20.43). */
export function warning(text: string): HeaderField {
  return ['Warning', formatWarning({ code: 399, agent: 'ringdown', text })];
}

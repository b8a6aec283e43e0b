import type { HeaderField, SipUri } from '../sip/stack.ts';
import type { Binding } from './binding.ts';
import type { Gruus } from './gruu.ts';

/** What a device that knows of GRUUs is told of them (RFC 5627 §5.3). */
export interface GruuAnswer {
  readonly gruus: Gruus;
  /** The address of record as the device named it. */
  readonly aor: SipUri;
}

/** Contact header fields for the 200 (RFC 3261 §10.3 step 8): all bindings with the time that each has left. */
export function contactFields(bindings: readonly Binding[], nowMs: number, gruu?: GruuAnswer): readonly HeaderField[] {
  return bindings.map((binding) => {
    const { contact, expiresAtMs, instance, regId, q, capabilities, publicGruu } = binding;
    let text = `<${contact}>;expires=${Math.max(0, Math.ceil((expiresAtMs - nowMs) / 1000))}`;
    if (q !== undefined) text += `;q=${q}`;
    if (instance !== undefined) text += `;+sip.instance="${instance}"`;
    if (regId !== undefined) text += `;reg-id=${regId}`;
    if (gruu !== undefined && publicGruu !== undefined) {
      text += `;pub-gruu="${publicGruu}";temp-gruu="${gruu.gruus.temporary(gruu.aor, binding)}"`;
    }
    return ['Contact', capabilities === undefined ? text : text + capabilities];
  });
}

import { sameSipUri } from '../sip/stack.ts';
import type { Binding } from './binding.ts';

/** What a Contact of a REGISTER is recognised by. */
export interface ContactIdentity {
  readonly contact: string;
  readonly instance?: string | undefined;
  readonly regId?: number | undefined;
}

/**
 * Whether a contact means this binding: by instance and reg-id where both have them (RFC 5626 §6), else by the URI
 * (RFC 3261 §10.3 step 7). A device that names its instance and no reg-id has one binding, wherever it moved. Instance ids
 * are compared letter by letter (RFC 5626 §4.1).
 */
export function isSameBinding(binding: Binding, asked: ContactIdentity): boolean {
  if (asked.instance !== undefined && binding.instance === asked.instance) {
    return asked.regId === undefined || binding.regId === undefined || binding.regId === asked.regId;
  }
  // Behind two NATs two devices may have the same address, and each its own flow.
  const areFlows = asked.regId !== undefined && binding.regId !== undefined;
  if (areFlows && asked.instance !== undefined && binding.instance !== undefined) return false;
  return binding.contact === asked.contact || sameSipUri(binding.contact, asked.contact);
}

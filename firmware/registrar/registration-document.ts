import { hash } from 'node:crypto';
import { xmlText } from '../core/xml-text.ts';
import type { Binding, EndedBinding } from './binding.ts';

/** What subscribers of an extension's registration are told (RFC 3680 §5, with the GRUUs of RFC 5628). */
export interface RegistrationState {
  /** The address of record as a URI. */
  readonly aor: string;
  /** Counts the documents of one subscription from 0. */
  readonly version: number;
  readonly bindings: readonly Binding[];
  /** Those that ended of late. */
  readonly ended: readonly EndedBinding[];
  readonly nowMs: number;
}

/** The document, always in full. What devices wrote is escaped, and what XML cannot hold is left out. */
export function registrationDocument({ aor, version, bindings, ended, nowMs }: RegistrationState): string {
  const isActive = bindings.length > 0;
  const state = isActive ? 'active' : ended.length > 0 ? 'terminated' : 'init';
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" xmlns:gr="urn:ietf:params:xml:ns:gruuinfo" version="${version}" state="full">`,
    `<registration aor="${xmlText(aor)}" id="${idOf(aor)}" state="${state}">`,
    ...bindings.map((binding) => contact(aor, binding, binding.refreshed === true ? 'refreshed' : 'registered', nowMs)),
    ...ended.map(({ binding, event }) => contact(aor, binding, event, nowMs)),
    '</registration>',
    '</reginfo>',
    '',
  ].join('\r\n');
}

function contact(aor: string, binding: Binding, event: string, nowMs: number): string {
  const { callId, cSeq, q, instance, regId, publicGruu, expiresAtMs } = binding;
  const isActive = event === 'registered' || event === 'refreshed';
  const attributes = [
    ['id', idOf(`${aor} ${instance ?? ''} ${regId ?? ''} ${binding.contact}`)],
    ['state', isActive ? 'active' : 'terminated'],
    ['event', event],
    ...(isActive ? [['expires', String(Math.max(0, Math.ceil((expiresAtMs - nowMs) / 1000)))]] : []),
    ...(q === undefined ? [] : [['q', String(q)]]),
    ['callid', callId],
    ['cseq', String(cSeq)],
  ];
  const children = [
    `<uri>${xmlText(binding.contact)}</uri>`,
    ...(instance === undefined
      ? []
      : [`<unknown-param name="+sip.instance">${xmlText(`"${instance}"`)}</unknown-param>`]),
    ...(regId === undefined ? [] : [`<unknown-param name="reg-id">${regId}</unknown-param>`]),
    ...(publicGruu === undefined ? [] : [`<gr:pub-gruu uri="${xmlText(publicGruu)}"/>`]),
  ];
  const text = attributes.map(([name, value]) => `${name}="${xmlText(value ?? '')}"`).join(' ');
  return `<contact ${text}>${children.join('')}</contact>`;
}

/** The same in each document (RFC 3680 §5.1), and a token. */
function idOf(text: string): string {
  return `r${hash('sha256', text).slice(0, 16)}`;
}

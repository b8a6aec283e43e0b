import { hasParam, paramValue, parseParams } from '../message/params.ts';

/** The dialog that an INVITE shall take the place of (RFC 3891 §6.1), seen from who gets it. */
export interface Replaces {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  /** Only while it is early. */
  readonly earlyOnly: boolean;
}

/** Undefined when it does not follow the grammar, or a tag is missing. */
export function parseReplaces(text: string): Replaces | undefined {
  const semicolon = text.indexOf(';');
  const callId = text.slice(0, Math.max(0, semicolon)).trim();
  const params = semicolon === -1 ? undefined : parseParams(text, semicolon);
  if (params === undefined || callId.length === 0 || /\s/.test(callId)) return undefined;
  const localTag = paramValue(params, 'to-tag');
  const remoteTag = paramValue(params, 'from-tag');
  if (localTag === undefined || remoteTag === undefined) return undefined;
  return { callId, localTag, remoteTag, earlyOnly: hasParam(params, 'early-only') };
}

import { isToken } from '../message/grammar.ts';
import { paramValue, parseParams } from '../message/params.ts';

/** The value of Event (RFC 6665 §8.2.1). */
export interface EventHeader {
  readonly event: string;
  readonly id: string | undefined;
}

/** Undefined when it does not follow the grammar. */
export function parseEvent(text: string): EventHeader | undefined {
  const semicolon = text.indexOf(';');
  const event = (semicolon === -1 ? text : text.slice(0, semicolon)).trim();
  const params = semicolon === -1 ? [] : parseParams(text, semicolon);
  if (!isToken(event) || params === undefined) return undefined;
  return { event, id: paramValue(params, 'id') };
}

export function formatEvent({ event, id }: EventHeader): string {
  return id === undefined ? event : `${event};id=${id}`;
}

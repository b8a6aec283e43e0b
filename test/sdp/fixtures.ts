import { readFileSync } from 'node:fs';
import { parse, type SessionDescription } from '../../firmware/sdp/session-description.ts';

/** The text of test/sdp/fixtures/NAME.sdp. */
export function fixture(name: string): string {
  return readFileSync(new URL(`./fixtures/${name}.sdp`, import.meta.url), 'utf8');
}

/** The same, read; throws where it is no description. */
export function parsed(name: string): SessionDescription {
  const description = parse(fixture(name));
  if (description instanceof Error) throw description;
  return description;
}

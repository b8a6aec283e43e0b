/** RFC 3420, as the body of a NOTIFY of `refer` has it. */
export const SIPFRAG = 'message/sipfrag';

/** A status line is in these bytes, or it is too long to be one. */
const MAX_STATUS_LINE_BYTES = 256;

/** The status line that the body of a NOTIFY begins with (RFC 3515 §2.4.4); undefined where it has none. */
export function readStatusLine(body: Buffer): { readonly status: number; readonly reason: string } | undefined {
  const text = body.subarray(0, MAX_STATUS_LINE_BYTES).toString('utf8');
  const line = /^SIP\/2\.0 ([1-6]\d\d) ?([^\r\n]{0,200})/i.exec(text);
  return line === null ? undefined : { status: Number(line[1]), reason: line[2] ?? '' };
}

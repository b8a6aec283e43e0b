import type { HeaderField } from '../message/headers.ts';
import { parseNameAddr } from '../message/name-addr.ts';
import { formatSipUri, parseSipUri } from '../message/uri.ts';
import type { Flow } from '../transport/flow.ts';

/** What stands for us on a flow: the address and port that a peer is to write to. */
export type SentBy = (flow: Flow) => { readonly host: string; readonly port: number };

/** What our Contact says of us instead. */
export interface LocalContact {
  readonly user: string;
  /** RFC 4579 §5.1: the URI is that of a conference. */
  readonly isFocus: boolean;
}

/**
 * Our Contact on `flow` (RFC 3261 §8.1.1.8), with the user part of `party` so that a peer's display shows it, or as `other` says.
 * `secure`: the request is for a SIPS URI, and so the Contact is one (§12.1.1).
 */
export function contactHeader(
  sentBy: SentBy,
  flow: Flow,
  party: string,
  secure: boolean,
  other?: LocalContact,
): HeaderField {
  const { host, port } = sentBy(flow);
  // RFC 7118 §5.2.2 knows one value for both kinds of WebSocket.
  const name = flow.protocol === 'wss' ? 'ws' : flow.protocol;
  const transport = flow.protocol === 'udp' || (secure && name !== 'ws') ? [] : [['transport', name] as const];
  const uri = formatSipUri({
    scheme: secure ? 'sips' : 'sip',
    user: other?.user ?? parseSipUri(parseNameAddr(party)?.uri ?? party)?.user,
    password: undefined,
    host,
    port,
    params: transport,
    headers: undefined,
  });
  return ['Contact', other?.isFocus === true ? `<${uri}>;isfocus` : `<${uri}>`];
}

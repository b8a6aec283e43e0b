import { type HeaderField, hasParam, parseNameAddr, parseSipUri, type SipRequest } from '../sip/stack.ts';

/** Proxies between a device and the box; more than a handful is a loop or an attack. */
const MAX_PATH_VALUES = 8;
const MAX_PATH_LENGTH = 1024;

export type PathOutcome =
  | { readonly kind: 'path'; readonly path: readonly string[] }
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly reason?: string;
      readonly headers?: readonly HeaderField[];
    };

const NO_PATH: PathOutcome = { kind: 'path', path: [] };

/**
 * The Path of a REGISTER (RFC 3327 §5.3). A device that does not know of the extension would not see that somebody has
 * put himself between, so it must say that it does (421).
 */
export function readPath(message: SipRequest): PathOutcome {
  if (!message.headers.has('Path')) return NO_PATH;
  const values = message.headers.list('Path');
  if (values === undefined || values.length > MAX_PATH_VALUES || values.some((value) => !isRoute(value))) {
    return { kind: 'refused', status: 400, reason: 'Malformed Path' };
  }
  if (!supports(message, 'path')) return { kind: 'refused', status: 421, headers: [['Require', 'path']] };
  return { kind: 'path', path: values };
}

/** Whether a REGISTER names the option tag in Supported or Require. */
export function supports(message: SipRequest, optionTag: string): boolean {
  return lists(message, 'Supported', optionTag) || lists(message, 'Require', optionTag);
}

function lists(message: SipRequest, header: string, optionTag: string): boolean {
  return message.headers.list(header)?.some((tag) => tag.toLowerCase() === optionTag) === true;
}

/** RFC 3327 §4: only loose routing, since the rest of the route is never moved into the Request-URI. */
function isRoute(value: string): boolean {
  const uri = value.length > MAX_PATH_LENGTH ? undefined : parseSipUri(parseNameAddr(value)?.uri ?? '');
  return uri !== undefined && hasParam(uri.params, 'lr');
}

import { isIPv4, isIPv6 } from 'node:net';
import { SdpError } from './sdp-error.ts';

/** Characters of a whole description; a UDP datagram holds no more. */
export const MAX_TEXT_LENGTH = 65_536;
export const MAX_LINES = 1000;
export const MAX_MEDIA = 64;
/** Formats of one m-line: RTP has no more payload types. */
export const MAX_FORMATS = 128;

/** o= (RFC 8866 §5.2). The numbers stay text, since they may be 64 bits wide. */
export interface Origin {
  readonly username: string;
  /** Decimal digits. */
  readonly sessionId: string;
  /** Decimal digits. */
  readonly version: string;
  readonly connection: Connection;
}

/** c= (RFC 8866 §5.7), without the time-to-live and count of multicast. `address` may be a host name. */
export interface Connection {
  readonly addressType: 'IP4' | 'IP6';
  readonly address: string;
}

/** t= (RFC 8866 §5.9), decimal digits. */
export interface Timing {
  readonly start: string;
  readonly stop: string;
}

/** a=name or a=name:value (RFC 8866 §5.13). */
export interface Attribute {
  readonly name: string;
  readonly value?: string;
}

/** m= and what belongs to it (RFC 8866 §5.14). */
export interface MediaDescription {
  readonly media: string;
  /** 0 means rejected or switched off (RFC 3264 §6, §8.2). */
  readonly port: number;
  readonly protocol: string;
  readonly formats: readonly string[];
  readonly connection?: Connection;
  readonly attributes: readonly Attribute[];
}

export interface SessionDescription {
  readonly origin: Origin;
  readonly name: string;
  readonly connection?: Connection;
  readonly timing: Timing;
  readonly attributes: readonly Attribute[];
  readonly media: readonly MediaDescription[];
}

const TOKEN = /^[!#$%&'*+\-.^_`{|}~0-9A-Za-z]{1,64}$/;
const DIGITS = /^[0-9]{1,20}$/;
const PORT = /^([0-9]{1,5})(?:\/[1-9][0-9]{0,4})?$/;
const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*\.?$/;
const PROTOCOL = /^[A-Za-z0-9!#$%&'*+\-.^_`{|}~]+(?:\/[A-Za-z0-9!#$%&'*+\-.^_`{|}~]+){0,7}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these are forbidden in a line (RFC 8866 §5, byte-string)
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/**
 * Reads a session description (RFC 8866). Tolerates lines that end in LF alone, blanks at the end of a line, a
 * missing s= or t=, and lines in another order after v= and o=. Lines that no call needs (i, u, e, p, b, r, z, k)
 * are checked for their form and left out.
 *
 * Never throws: what cannot be read comes back as an SdpError.
 */
export function parse(text: string): SessionDescription | SdpError {
  // Empty lines at the end do not count, and no more are cut than may be.
  return errorOfText(text) ?? readLines(text.trimEnd().split('\n', MAX_LINES + 1));
}

function errorOfText(text: string): SdpError | undefined {
  if (text.length > MAX_TEXT_LENGTH) {
    return new SdpError('SDP_TOO_LARGE', `${text.length} characters are more than ${MAX_TEXT_LENGTH}`);
  }
  return CONTROL.test(text) ? new SdpError('SDP_SYNTAX', 'a control character') : undefined;
}

function readLines(lines: readonly string[]): SessionDescription | SdpError {
  if (lines.length > MAX_LINES) return new SdpError('SDP_TOO_LARGE', `more than ${MAX_LINES} lines`);
  const draft = new Draft();
  for (const [index, line] of lines.entries()) {
    const fault = draft.take(line.trimEnd(), index);
    if (fault !== undefined) {
      return new SdpError(fault.tooLarge === true ? 'SDP_TOO_LARGE' : 'SDP_SYNTAX', fault.message, index + 1);
    }
  }
  return draft.finish();
}

interface Fault {
  readonly message: string;
  readonly tooLarge?: boolean;
}

interface MediaDraft extends Omit<MediaDescription, 'connection' | 'attributes'> {
  connection?: Connection;
  readonly attributes: Attribute[];
}

/** A description while its lines come in. */
class Draft {
  #origin: Origin | undefined;
  #name: string | undefined;
  #connection: Connection | undefined;
  #timing: Timing | undefined;
  readonly #attributes: Attribute[] = [];
  readonly #media: MediaDraft[] = [];

  take(line: string, index: number): Fault | undefined {
    if (line.includes('\r')) return { message: 'a carriage return inside a line' };
    if (line[1] !== '=') return { message: 'no line of the form x=value' };
    const value = line.slice(2);
    const letter = line[0] ?? '';
    if (index === 0) return letter === 'v' && value === '0' ? undefined : { message: 'the first line is not v=0' };
    if (index === 1 && letter !== 'o') return { message: 'the second line is not o=' };
    switch (letter) {
      case 'o':
        return this.#takeOrigin(value);
      case 's':
        this.#name ??= value;
        return undefined;
      case 't':
        return this.#takeTiming(value);
      case 'c':
        return this.#takeConnection(value);
      case 'a':
        return this.#takeAttribute(value);
      case 'm':
        return this.#takeMedia(value);
      case 'i':
      case 'u':
      case 'e':
      case 'p':
      case 'b':
      case 'r':
      case 'z':
      case 'k':
        return undefined;
      default:
        // RFC 8866 §5: a description with an unknown type letter is not to be used at all.
        return { message: `the unknown type ${JSON.stringify(letter)}` };
    }
  }

  finish(): SessionDescription | SdpError {
    if (this.#origin === undefined) return new SdpError('SDP_SYNTAX', 'v= or o= is missing');
    for (const media of this.#media) {
      // RFC 8866 §5.7: each m-line in use has a c= of its own or the session's.
      if (media.port !== 0 && media.connection === undefined && this.#connection === undefined) {
        return new SdpError('SDP_SYNTAX', `m=${media.media} has no c=`);
      }
    }
    return {
      origin: this.#origin,
      name: this.#name ?? '-',
      ...(this.#connection === undefined ? {} : { connection: this.#connection }),
      timing: this.#timing ?? { start: '0', stop: '0' },
      attributes: this.#attributes,
      media: this.#media,
    };
  }

  #takeOrigin(value: string): Fault | undefined {
    if (this.#origin !== undefined) return { message: 'a second o=' };
    const fields = fieldsOf(value);
    const [username = '', sessionId = '', version = ''] = fields;
    if (fields.length !== 6 || username === '' || !DIGITS.test(sessionId) || !DIGITS.test(version)) {
      return { message: 'o= is not "user id version IN type address" with a numeric id and version' };
    }
    const connection = readConnection(fields.slice(3));
    if (connection === undefined) return { message: 'o= has no address of its type' };
    this.#origin = { username, sessionId, version, connection };
    return undefined;
  }

  #takeTiming(value: string): Fault | undefined {
    const [start = '', stop = '', ...rest] = fieldsOf(value);
    if (!DIGITS.test(start) || !DIGITS.test(stop) || rest.length > 0) return { message: 't= is not two numbers' };
    this.#timing ??= { start, stop };
    return undefined;
  }

  #takeConnection(value: string): Fault | undefined {
    const connection = readConnection(fieldsOf(value));
    if (connection === undefined) return { message: 'c= is not "IN IP4|IP6 address"' };
    const media = this.#media.at(-1);
    if (media === undefined) this.#connection ??= connection;
    else media.connection ??= connection;
    return undefined;
  }

  #takeAttribute(value: string): Fault | undefined {
    const colon = value.indexOf(':');
    const name = colon < 0 ? value : value.slice(0, colon);
    if (!TOKEN.test(name)) return { message: 'a= has no attribute name' };
    const attributes = this.#media.at(-1)?.attributes ?? this.#attributes;
    attributes.push(colon < 0 ? { name } : { name, value: value.slice(colon + 1).trim() });
    return undefined;
  }

  #takeMedia(value: string): Fault | undefined {
    if (this.#media.length >= MAX_MEDIA) return { message: `more than ${MAX_MEDIA} m-lines`, tooLarge: true };
    const [media = '', portText = '', protocol = '', ...formats] = fieldsOf(value);
    const port = Number(PORT.exec(portText)?.[1] ?? Number.NaN);
    if (!TOKEN.test(media) || !(port <= 65_535) || !PROTOCOL.test(protocol) || formats.length === 0) {
      return { message: 'm= is not "media port protocol format…"' };
    }
    if (formats.length > MAX_FORMATS) return { message: `more than ${MAX_FORMATS} formats`, tooLarge: true };
    if (!formats.every((format) => TOKEN.test(format))) return { message: 'm= has a format that is no token' };
    this.#media.push({ media, port, protocol, formats, attributes: [] });
    return undefined;
  }
}

/** The values between the blanks of a line. */
function fieldsOf(value: string): string[] {
  // Nearly nobody writes two of them, and an expression costs several times as much.
  return value.includes('  ') ? value.split(/ +/) : value.split(' ');
}

/** `fields` is network type, address type, address. */
function readConnection(fields: readonly string[]): Connection | undefined {
  const [networkType, addressType, wholeAddress, ...rest] = fields;
  if (networkType !== 'IN' || wholeAddress === undefined || rest.length > 0) return undefined;
  const address = wholeAddress.split('/', 1)[0] ?? '';
  if (addressType === 'IP4') {
    // A name of digits and dots alone would be a mistyped address.
    const valid = isIPv4(address) || (HOST_NAME.test(address) && !/^[0-9.]+$/.test(address));
    return valid ? { addressType, address } : undefined;
  }
  if (addressType === 'IP6') {
    const valid = (isIPv6(address) && !address.includes('%')) || (HOST_NAME.test(address) && !isIPv4(address));
    return valid ? { addressType, address } : undefined;
  }
  return undefined;
}

/**
 * Writes a description in the order of RFC 8866 §5, each line with CRLF.
 *
 * Throws an SdpError where `parse` would refuse the result: that is our own mistake.
 */
export function serialize(description: SessionDescription): string {
  const { origin, timing } = description;
  const lines = [
    'v=0',
    `o=${origin.username} ${origin.sessionId} ${origin.version} ${connectionText(origin.connection)}`,
    `s=${description.name}`,
    ...(description.connection === undefined ? [] : [`c=${connectionText(description.connection)}`]),
    `t=${timing.start} ${timing.stop}`,
    ...description.attributes.map(attributeText),
  ];
  for (const media of description.media) {
    lines.push(`m=${media.media} ${media.port} ${media.protocol} ${media.formats.join(' ')}`);
    if (media.connection !== undefined) lines.push(`c=${connectionText(media.connection)}`);
    lines.push(...media.attributes.map(attributeText));
  }
  for (const line of lines) {
    if (line.includes('\r') || line.includes('\n')) {
      throw new SdpError('SDP_SYNTAX', `a line break inside ${JSON.stringify(line)}`);
    }
  }
  const text = `${lines.join('\r\n')}\r\n`;
  // The lines are at hand: `parse` would cut the same ones out of the text.
  const readBack = errorOfText(text) ?? readLines(lines);
  if (readBack instanceof SdpError) throw readBack;
  return text;
}

function connectionText(connection: Connection): string {
  return `IN ${connection.addressType} ${connection.address}`;
}

function attributeText(attribute: Attribute): string {
  return attribute.value === undefined ? `a=${attribute.name}` : `a=${attribute.name}:${attribute.value}`;
}

/** The value of the first attribute of this name; '' where it has none; undefined where it is not there. */
export function attributeValue(attributes: readonly Attribute[], name: string): string | undefined {
  const found = attributes.find((attribute) => attribute.name === name);
  return found === undefined ? undefined : (found.value ?? '');
}

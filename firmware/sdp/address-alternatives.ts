import { isIPv4, isIPv6 } from 'node:net';
import type { Connection, MediaDescription, SessionDescription } from './session-description.ts';

export type AddressType = Connection['addressType'];

/** Where the media of one m-line may go. */
export interface MediaAddress {
  readonly connection: Connection;
  /** 1 to 65535. */
  readonly port: number;
  /** Of a=altc alone. */
  readonly rtcpPort?: number;
}

/** More alternatives of one m-line than there are kinds of addresses. */
const MAX_ALTERNATIVES = 8;

/**
 * Where the media of this m-line go: one of its a=altc alternatives where one has `addressType` (RFC 6947), else c= and
 * the port of the m-line. Undefined without an address, and for a name or a multicast group.
 */
export function mediaAddress(
  description: SessionDescription,
  media: MediaDescription,
  addressType: AddressType | undefined,
): MediaAddress | undefined {
  const connection = media.connection ?? description.connection;
  if (addressType !== undefined && connection?.addressType !== addressType) {
    const alternative = readAlternatives(media).find((each) => each.connection.addressType === addressType);
    if (alternative !== undefined) return alternative;
  }
  if (connection === undefined || !isUnicast(connection)) return undefined;
  return { connection, port: media.port };
}

/** Whether the m-line is one of several for the same stream, or has several addresses: it gets relayed media. */
export function hasAlternatives(description: SessionDescription, media: MediaDescription): boolean {
  return media.attributes.some(({ name }) => name === 'altc') || anatGroup(description, media) !== undefined;
}

/** The identifications of the ANAT group (RFC 4091) that this m-line is in. */
export function anatGroup(description: SessionDescription, media: MediaDescription): readonly string[] | undefined {
  const mid = mediaIdentification(media);
  if (mid === undefined) return undefined;
  for (const { name, value = '' } of description.attributes) {
    const [semantics = '', ...mids] = name === 'group' ? value.split(/ +/) : [];
    if (semantics.toUpperCase() === 'ANAT' && mids.includes(mid)) return mids;
  }
  return undefined;
}

/** a=mid (RFC 5888 §4). */
export function mediaIdentification(media: MediaDescription): string | undefined {
  return media.attributes.find(({ name }) => name === 'mid')?.value;
}

/** 0.0.0.0 or :: in any spelling: an older way to put a call on hold (RFC 3264 §8.4). */
export function isUnspecified(address: string): boolean {
  return isIPv4(address) ? address === '0.0.0.0' : /^[0:]+(?:0\.0\.0\.0)?$/.test(address);
}

/** An address that one host has, or the unspecified one; not a name. */
export function isUnicast({ address }: Connection): boolean {
  if (isIPv4(address)) return isUnspecified(address) || !/^(?:0|22[4-9]|23[0-9]|24[0-9]|25[0-5])\./.test(address);
  return isIPv6(address) && !/^ff/i.test(address);
}

/** `a=altc:1 IP6 2001:db8::1 45678 [45679]`, in the peer's order of preference. */
function readAlternatives(media: MediaDescription): readonly MediaAddress[] {
  const values = media.attributes.filter(({ name }) => name === 'altc').slice(0, MAX_ALTERNATIVES);
  return values.flatMap(({ value = '' }) => {
    const [, addressType, address = '', portText, rtcpText] =
      /^[0-9]{1,3} +(IP4|IP6) +(\S{1,64}) +([0-9]{1,5})(?: +([0-9]{1,5}))?$/.exec(value) ?? [];
    if (addressType !== 'IP4' && addressType !== 'IP6') return [];
    const connection: Connection = { addressType, address };
    const fits = addressType === 'IP4' ? isIPv4(address) : isIPv6(address);
    const port = Number(portText);
    const rtcpPort = Number(rtcpText ?? 0);
    if (!fits || !isUnicast(connection) || port < 1 || port > 65_535 || rtcpPort > 65_535) return [];
    return [{ connection, port, ...(rtcpPort === 0 ? {} : { rtcpPort }) }];
  });
}

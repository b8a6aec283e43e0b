import { type Crypto, type CryptoAbilities, chooseCrypto } from './crypto.ts';
import type { Attribute, MediaDescription, SessionDescription } from './session-description.ts';

/** A potential configuration with SRTP that a peer has on offer beside its plain one (RFC 5939). */
export interface PotentialConfiguration {
  /** For a=acfg of the answer. */
  readonly number: number;
  readonly transportCapability: number;
  readonly attributeCapabilities: readonly number[];
  /** The transport protocol that the answer names: RTP/SAVP or RTP/SAVPF. */
  readonly protocol: string;
  /** The peer's line that the answer follows. */
  readonly crypto: Crypto;
}

/** RFC 5939 numbers capabilities up to 2^31-1; who has more of them than this is not served. */
const MAX_CAPABILITIES = 64;
const SECURE_PROTOCOLS: ReadonlySet<string> = new Set(['RTP/SAVP', 'RTP/SAVPF']);

/**
 * The peer's most preferred configuration of `media` that secures it and that the box can follow: an SRTP transport, an
 * a=crypto among its attributes, and no other attribute that it must have. Undefined where there is none.
 */
export function readPotentialConfiguration(
  description: SessionDescription,
  media: MediaDescription,
  abilities: CryptoAbilities,
): PotentialConfiguration | undefined {
  const all = [...media.attributes, ...description.attributes];
  // RFC 5939 §3.3.2: an extension that is required and not known leaves the actual configuration alone.
  const requires = [...media.attributes, ...description.attributes].filter(({ name }) => name === 'creq');
  if (requires.some(({ value = '' }) => value.trim() !== 'cap-v0')) return undefined;
  const transports = readTransports(all);
  const attributes = readAttributeCapabilities(media.attributes);
  const potential = media.attributes.filter(({ name }) => name === 'pcfg').slice(0, MAX_CAPABILITIES);
  const configurations = potential.flatMap(({ value = '' }) => readConfiguration(value) ?? []);
  // RFC 5939 §3.5.1: the lower the number, the more it is wanted.
  for (const configuration of configurations.toSorted((a, b) => a.number - b.number)) {
    for (const transportCapability of configuration.transports) {
      const protocol = transports.get(transportCapability);
      if (protocol === undefined || !SECURE_PROTOCOLS.has(protocol)) continue;
      for (const numbers of configuration.attributes) {
        const values = numbers.flatMap((number) => attributes.get(number) ?? []);
        if (values.length !== numbers.length) continue;
        const crypto = chooseCrypto(values, abilities);
        if (crypto === undefined) continue;
        return { number: configuration.number, transportCapability, attributeCapabilities: numbers, protocol, crypto };
      }
    }
  }
  return undefined;
}

/** The lines of an offer of ours that say: RTP/SAVP with these keys is welcome too (RFC 5939 §3.3, §3.4). */
export function potentialConfigurationLines(cryptoValues: readonly string[]): readonly Attribute[] {
  const numbers = cryptoValues.map((_, index) => index + 1);
  return [
    { name: 'tcap', value: '1 RTP/SAVP' },
    ...cryptoValues.map((value, index) => ({ name: 'acap', value: `${index + 1} crypto:${value}` })),
    // Commas join what goes together: all of the lines are in the one configuration, as in an offer of SRTP alone.
    { name: 'pcfg', value: `1 t=1 a=${numbers.join(',')}` },
  ];
}

/** a=acfg of our answer (RFC 5939 §3.5.2). */
export function actualConfigurationLine(chosen: PotentialConfiguration): Attribute {
  const { number, transportCapability, attributeCapabilities } = chosen;
  return { name: 'acfg', value: `${number} t=${transportCapability} a=${attributeCapabilities.join(',')}` };
}

/** `a=tcap:1 RTP/SAVPF RTP/SAVP` numbers them from 1 on. */
function readTransports(attributes: readonly Attribute[]): ReadonlyMap<number, string> {
  const transports = new Map<number, string>();
  for (const { name, value = '' } of attributes) {
    if (name !== 'tcap') continue;
    const [first = '', ...protocols] = value.split(/ +/);
    if (!/^[1-9][0-9]{0,8}$/.test(first)) continue;
    for (const [index, protocol] of protocols.entries()) {
      if (transports.size >= MAX_CAPABILITIES) return transports;
      const number = Number(first) + index;
      if (!transports.has(number)) transports.set(number, protocol.toUpperCase());
    }
  }
  return transports;
}

/** The crypto lines among the attribute capabilities, by their numbers. */
function readAttributeCapabilities(attributes: readonly Attribute[]): ReadonlyMap<number, string> {
  const capabilities = new Map<number, string>();
  for (const { name, value = '' } of attributes) {
    if (name !== 'acap' || capabilities.size >= MAX_CAPABILITIES) continue;
    const [, number, crypto] = /^([1-9][0-9]{0,8}) +(?:a=)?crypto:(.*)$/s.exec(value) ?? [];
    if (number !== undefined && crypto !== undefined && !capabilities.has(Number(number))) {
      capabilities.set(Number(number), crypto);
    }
  }
  return capabilities;
}

interface Configuration {
  readonly number: number;
  /** Any one of them. */
  readonly transports: readonly number[];
  /** Any one of these lists, each as a whole. */
  readonly attributes: readonly (readonly number[])[];
}

/** `1 t=1|2 a=1,2|3`; undefined where it wants anything else, unless in brackets (RFC 5939 §3.5.1). */
function readConfiguration(text: string): Configuration | undefined {
  const [numberText = '', ...parts] = text.split(/ +/);
  if (!/^[1-9][0-9]{0,8}$/.test(numberText)) return undefined;
  let transports: readonly number[] = [];
  let attributes: readonly (readonly number[])[] = [];
  for (const part of parts) {
    if (/^t=[0-9|]+$/.test(part)) transports = readNumbers(part.slice(2), '|');
    else if (part.startsWith('a=')) attributes = readAlternatives(part.slice(2));
    else if (!part.startsWith('+')) return undefined;
  }
  return { number: Number(numberText), transports, attributes };
}

/**
 * `1,[2]|3`: what stands in brackets may be left out. `-m:` before it takes the actual attributes away: that is what
 * the box does in any case, since nothing of the plain stream counts once SRTP is chosen.
 */
function readAlternatives(text: string): readonly (readonly number[])[] {
  const alternatives = text.replace(/^-(?:ms?|s):/, '').split('|', MAX_CAPABILITIES);
  return alternatives
    .map((alternative) => readNumbers(alternative.replace(/,?\[[0-9,]*\]/g, '').replace(/^,/, ''), ','))
    .filter((numbers) => numbers.length > 0);
}

function readNumbers(text: string, separator: string): readonly number[] {
  const numbers = text.split(separator, MAX_CAPABILITIES).map(Number);
  return numbers.every((number) => Number.isSafeInteger(number) && number > 0) ? numbers : [];
}

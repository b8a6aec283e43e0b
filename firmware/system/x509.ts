import { createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import {
  bitString,
  boolean,
  context,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  unsignedInteger,
  utf8String,
} from './der.ts';

/*
 * Certificates on P-256 keys (RFC 5280), made with node:crypto and a page of DER. The packages that do the same bring
 * 700 KB of program and take seconds to load on the box's processor, in which no phone could register.
 */

export interface CertificateRequest {
  readonly commonName: string;
  readonly issuerCommonName: string;
  readonly publicKey: KeyObject;
  readonly issuerKey: KeyObject;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** An authority that signs end entities only, or a server by these host names and addresses. */
  readonly role: { readonly kind: 'authority' } | { readonly kind: 'server'; readonly names: readonly string[] };
}

const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;

/** Both are bit strings, the first bit named 0 (RFC 5280 §4.2.1.3): bit 0 is digitalSignature, 5 and 6 are for authorities. */
const KEY_USAGE = { digitalSignature: [0x80, 7], certificateAndCrlSign: [0x06, 1] } as const;

/** Signs a certificate and returns it as PEM. The keys are P-256. */
export function makeCertificate(request: CertificateRequest): string {
  const algorithm = sequence(objectIdentifier(OID.ecdsaWithSha256));
  const toBeSigned = sequence(
    // Version 3, which is written as 2.
    context(0, 'constructed', unsignedInteger(Buffer.from([2]))),
    serialNumber(),
    algorithm,
    distinguishedName(request.issuerCommonName),
    sequence(time(request.notBeforeMs), time(request.notAfterMs)),
    distinguishedName(request.commonName),
    request.publicKey.export({ type: 'spki', format: 'der' }),
    context(3, 'constructed', sequence(...extensions(request))),
  );
  const signature = sign('sha256', toBeSigned, request.issuerKey);
  return pem(sequence(toBeSigned, algorithm, bitString(signature)));
}

/** 16 random bytes, positive and never zero (RFC 5280 §4.1.2.2 allows 20). */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return unsignedInteger(bytes);
}

function distinguishedName(commonName: string): Buffer {
  return sequence(
    set(sequence(objectIdentifier(OID.organization), utf8String('Ringdown'))),
    set(sequence(objectIdentifier(OID.commonName), utf8String(commonName))),
  );
}

function extensions(request: CertificateRequest): Buffer[] {
  const common = [
    extension(OID.subjectKeyIdentifier, octetString(keyIdentifier(request.publicKey))),
    extension(
      OID.authorityKeyIdentifier,
      sequence(context(0, 'primitive', keyIdentifier(createPublicKey(request.issuerKey)))),
    ),
  ];
  if (request.role.kind === 'authority') {
    return [
      // cA TRUE with a path length of 0: it signs no further authority.
      critical(OID.basicConstraints, sequence(boolean(true), unsignedInteger(Buffer.from([0])))),
      critical(OID.keyUsage, keyUsage(KEY_USAGE.certificateAndCrlSign)),
      ...common,
    ];
  }
  return [
    critical(OID.basicConstraints, sequence()),
    critical(OID.keyUsage, keyUsage(KEY_USAGE.digitalSignature)),
    extension(OID.extendedKeyUsage, sequence(objectIdentifier(OID.serverAuth))),
    extension(OID.subjectAltName, sequence(...request.role.names.map(generalName))),
    ...common,
  ];
}

function extension(oid: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(oid), octetString(value));
}

function critical(oid: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(oid), boolean(true), octetString(value));
}

function keyUsage([bits, unusedBits]: readonly [number, number]): Buffer {
  return bitString(Buffer.from([bits]), unusedBits);
}

/** RFC 5280 §4.2.1.6: [2] is a DNS name, [7] an address of 4 or 16 bytes. */
function generalName(name: string): Buffer {
  return isIP(name) === 0
    ? context(2, 'primitive', Buffer.from(name, 'ascii'))
    : context(7, 'primitive', addressBytes(name));
}

/** RFC 7093 §2, method 1: the first 160 bits of the SHA-256 of the key's point, which a P-256 key ends with. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
  return createHash('sha256').update(point).digest().subarray(0, 20);
}

/** The bytes of an IPv4 or IPv6 address; anything else is our own mistake. */
function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  // URL writes every form of an IPv6 address in one way, without an embedded IPv4 part.
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const left = groups(head);
  const right = groups(tail ?? '');
  const middle = new Array<number>(8 - left.length - right.length).fill(0);
  return Buffer.from([...left, ...middle, ...right].flatMap((group) => [group >> 8, group & 0xff]));
}

function groups(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

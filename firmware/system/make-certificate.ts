/**
 * A program of its own: reads a CertificateRequest on standard input, signs, and answers on standard output. It is one
 * since its library takes seconds to load on the box's processor, in which no phone could register.
 */
import 'reflect-metadata';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { isIP } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  PublicKey,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type {
  AuthorityRequest,
  CertificateAnswer,
  CertificateRequest,
  ServerRequest,
  Validity,
} from './certificate-request.ts';

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;

interface Signer {
  readonly key: CryptoKey;
  readonly publicKey: PublicKey;
  readonly name: Name;
  /** Hexadecimal. */
  readonly keyIdentifier: string;
}

interface Subject {
  readonly name: Name;
  readonly publicKey: PublicKey;
  readonly validity: Validity;
  readonly extensions: readonly Extension[];
}

async function answer({ authorityKey, authority, server }: CertificateRequest): Promise<CertificateAnswer> {
  const signer = await signerFor(authorityKey, authority);
  return {
    ...(authority.kind === 'keep' ? {} : { authority: await signAuthority(signer, authority) }),
    server: await signServer(signer, server),
  };
}

/** Name and key identifier come from the certificate that phones have, where there is one (RFC 5280 §4.1.2.4, §4.2.1.1). */
async function signerFor(authorityKey: string, authority: AuthorityRequest): Promise<Signer> {
  const key = createPrivateKey(authorityKey).toCryptoKey(P256, false, ['sign']);
  if (authority.kind === 'new') {
    const publicKey = new PublicKey(createPublicKey(authorityKey).export({ type: 'spki', format: 'der' }));
    const { keyId } = await SubjectKeyIdentifierExtension.create(publicKey);
    return { key, publicKey, name: nameOf(authority.commonName), keyIdentifier: keyId };
  }
  const certificate = new X509Certificate(authority.certificate);
  const { publicKey, subjectName: name } = certificate;
  const keyIdentifier =
    certificate.getExtension(SubjectKeyIdentifierExtension)?.keyId ??
    (await SubjectKeyIdentifierExtension.create(publicKey)).keyId;
  return { key, publicKey, name, keyIdentifier };
}

function signAuthority(signer: Signer, validity: Validity): Promise<string> {
  return sign(signer, {
    name: signer.name,
    publicKey: signer.publicKey,
    validity,
    extensions: [
      // A path length of 0: it signs no further authority.
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      new SubjectKeyIdentifierExtension(signer.keyIdentifier),
    ],
  });
}

async function signServer(signer: Signer, { publicKey, names, ...validity }: ServerRequest): Promise<string> {
  const [commonName] = names;
  if (commonName === undefined) throw new Error('a server without a name');
  const key = new PublicKey(publicKey);
  return sign(signer, {
    name: nameOf(commonName),
    publicKey: key,
    validity,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const),
      ),
      await SubjectKeyIdentifierExtension.create(key),
    ],
  });
}

/** The serial number is 16 random bytes, the library's own choice; the hash is SHA-256. */
async function sign(signer: Signer, { name, publicKey, validity, extensions }: Subject): Promise<string> {
  const certificate = await X509CertificateGenerator.create({
    subject: name,
    issuer: signer.name,
    publicKey,
    notBefore: new Date(validity.notBeforeMs),
    notAfter: new Date(validity.notAfterMs),
    extensions: [...extensions, new AuthorityKeyIdentifierExtension(signer.keyIdentifier)],
    signingKey: signer.key,
    signingAlgorithm: { ...P256, hash: 'SHA-256' },
  });
  return certificate.toString('pem');
}

/** As objects, since the library would read quotes and escapes in bare text. */
function nameOf(commonName: string): Name {
  return new Name([{ O: [{ utf8String: 'Ringdown' }] }, { CN: [{ utf8String: commonName }] }]);
}

async function readRequest(): Promise<CertificateRequest> {
  const input = await text(process.stdin);
  try {
    return JSON.parse(input);
  } catch {
    // The parser's own message quotes what it read, and a key stands there.
    throw new Error('standard input is no JSON');
  }
}

async function main(): Promise<void> {
  try {
    process.stdout.write(JSON.stringify(await answer(await readRequest())));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}\n`);
    process.exitCode = 1;
  }
}

void main();

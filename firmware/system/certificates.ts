import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Clock } from '../core/clock.ts';
import { RingdownError, UsageError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { canonicalAddress } from './canonical-address.ts';
import { type MakerProgram, makeCertificates } from './certificate-maker.ts';
import type { AuthorityRequest, Validity } from './certificate-request.ts';

/** What a TLS server of the box needs. All PEM. */
export interface ServerCertificate {
  readonly key: string;
  readonly cert: string;
  /** The authority that signed it: what phones fetch as WebRootCA.pem. */
  readonly ca: string;
  /** Milliseconds since the Unix epoch: from here on, asking again gives a new one. */
  readonly renewAtMs: number;
}

export interface CertificateOptions {
  /** The data directory, which exists; the files stand in its `certificates/`. */
  readonly directory: string;
  /** IPv4 and IPv6 addresses by which clients reach the box; an IPv6 zone is left out. */
  readonly addresses: readonly string[];
  /** Host names by which they do; the first is the certificate's common name. `ringdown` unless given. */
  readonly names?: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  /** Signs; the firmware's own program unless given. */
  readonly program?: MakerProgram;
}

/**
 * The box has no clock that runs while it is off: at boot it may be 1970, or the day the image was made, and a phone
 * that has just started is no better. So validity never begins "now" but at a fixed early day, or a year ago: whoever's
 * clock is late still finds the certificate valid.
 */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

const DAY_MS = 86_400_000;
const AUTHORITY_LIFE_MS = 3650 * DAY_MS;
/** Clients by Apple refuse a server certificate that is valid for longer, from its first day to its last. */
const SERVER_LIFE_MS = 825 * DAY_MS;
const SERVER_BACKDATE_MS = 365 * DAY_MS;
const RENEW_BEFORE_MS = 30 * DAY_MS;
/** A new authority certificate is signed, on the same key, while the old one outlives every server certificate. */
const RENEW_AUTHORITY_BEFORE_MS = SERVER_LIFE_MS + RENEW_BEFORE_MS;

const DEFAULT_NAME = 'ringdown';
/** RFC 5280 appendix A, ub-common-name: a longer name stands among the alternative names alone. */
const MAX_COMMON_NAME_LENGTH = 64;

/** In a thread of its own: the event loop goes on meanwhile. */
const generateKeys = promisify(generateKeyPair);

interface Signed {
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
}

/**
 * The box's own authority and the certificate that it signed for the addresses and names given. Both are made where
 * they are missing or damaged; the server certificate also when its names differ or its end is near. The authority is
 * kept for life, since phones trust it. Asking costs a few milliseconds while nothing must be made, and a process of
 * some seconds otherwise: so ask again when addresses change, when the clock is set, and once a day; one call at a time
 * for a directory. Throws UsageError SYSTEM_CERTIFICATES_NOT_WRITABLE, RingdownError SYSTEM_CERTIFICATE_FAILED.
 */
export async function ensureCertificate(options: CertificateOptions): Promise<ServerCertificate> {
  const directory = join(options.directory, 'certificates');
  try {
    await makeDirectory(directory);
    const { authority, server } = await ensureBoth(directory, options);
    return {
      key: exportKey(server.key),
      cert: server.certificate.toString(),
      ca: authority.certificate.toString(),
      renewAtMs: endMs(server.certificate) - RENEW_BEFORE_MS,
    };
  } catch (error) {
    if (error instanceof RingdownError) throw error;
    throw new UsageError(
      'SYSTEM_CERTIFICATES_NOT_WRITABLE',
      `the certificates in ${directory} cannot be read or made: ${error instanceof Error ? error.message : String(error)}`,
      'Make that directory writable for this user, and see that the disk is not full.',
      { cause: error },
    );
  }
}

interface Pair {
  readonly authority: Signed;
  readonly server: Signed;
}

async function ensureBoth(directory: string, options: CertificateOptions): Promise<Pair> {
  const { clock, logger } = options;
  const authorityFile = join(directory, 'authority.pem');
  const serverFile = join(directory, 'server.pem');
  const now = believableNow(clock);
  const names = namesOf(options);

  const authority = await readAuthority(authorityFile, logger);
  const server = await readSigned(serverFile, logger);
  const lasts = authority !== undefined && endMs(authority.certificate) - now > RENEW_AUTHORITY_BEFORE_MS;
  if (lasts && server !== undefined && isFit(server.certificate, authority, names, now)) return { authority, server };

  // Most of the time goes into starting the process that signs, so one makes both.
  const keys = { authority: authority?.key ?? (await newKey()), server: await newKey() };
  const request = authorityRequest(authority, lasts, now);
  const made = await makeCertificates(
    {
      authorityKey: exportKey(keys.authority),
      authority: request,
      server: { publicKey: exportPublicKey(keys.server), names, ...serverValidity(now) },
    },
    options.program,
  );
  const pair = {
    authority: { key: keys.authority, certificate: made.authority },
    server: { key: keys.server, certificate: made.server },
  };
  if (request.kind !== 'keep') {
    await write(authorityFile, pair.authority);
    logger.info({ file: authorityFile, kind: request.kind }, 'made the certificate of the authority of this box');
  }
  await write(serverFile, pair.server);
  logger.info({ file: serverFile, names }, 'made a server certificate');
  return pair;
}

async function readAuthority(file: string, logger: Logger): Promise<Signed | undefined> {
  const found = await readSigned(file, logger);
  return found?.certificate.ca === true ? found : undefined;
}

function authorityRequest(found: Signed | undefined, lasts: boolean, now: number): AuthorityRequest {
  const validity = { notBeforeMs: EARLIEST_MS, notAfterMs: now + AUTHORITY_LIFE_MS };
  if (found === undefined) {
    // The name tells the authorities of two boxes apart in a client that trusts both.
    return { kind: 'new', commonName: `Ringdown authority ${randomBytes(4).toString('hex')}`, ...validity };
  }
  const certificate = found.certificate.toString();
  return lasts ? { kind: 'keep', certificate } : { kind: 'renew', certificate, ...validity };
}

function serverValidity(now: number): Validity {
  const notBeforeMs = Math.max(EARLIEST_MS, now - SERVER_BACKDATE_MS);
  return { notBeforeMs, notAfterMs: notBeforeMs + SERVER_LIFE_MS };
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

function isFit(certificate: X509Certificate, authority: Signed, names: readonly string[], now: number): boolean {
  return (
    // A clock that was once far ahead has made one from the future.
    certificate.validFromDate.getTime() <= now &&
    certificate.validToDate.getTime() - now > RENEW_BEFORE_MS &&
    certificate.checkIssued(authority.certificate) &&
    certificate.verify(authority.certificate.publicKey) &&
    certificate.subjectAltName?.split(', ').length === names.length &&
    names.every((name) =>
      isIP(name) === 0 ? certificate.checkHost(name) !== undefined : certificate.checkIP(name) !== undefined,
    )
  );
}

/** Names, then addresses, each once and in one form. */
function namesOf({ names = [DEFAULT_NAME], addresses }: CertificateOptions): readonly string[] {
  const commonName = (names[0] ?? '').length > MAX_COMMON_NAME_LENGTH ? [DEFAULT_NAME] : [];
  return [...new Set([...commonName, ...names.map((name) => name.toLowerCase()), ...addresses.map(canonicalAddress)])];
}

function believableNow(clock: Clock): number {
  return Math.max(clock.now(), EARLIEST_MS);
}

function endMs(certificate: X509Certificate): number {
  return certificate.validToDate.getTime();
}

/** Undefined: there is none, or it is of no use; the damaged file is kept beside. */
async function readSigned(file: string, logger: Logger): Promise<Signed | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const key = createPrivateKey(text);
    const certificate = new X509Certificate(text);
    if (certificate.checkPrivateKey(key)) return { key, certificate };
  } catch {
    // Said below, in the same words as a key that belongs to another certificate.
  }
  await rename(file, `${file}.damaged`);
  logger.warn({ file, keptAs: `${file}.damaged` }, 'a certificate file is damaged: it is made anew');
  return undefined;
}

/** Key and certificate are one file, so that no power cut can leave one without the other. */
async function write(file: string, { key, certificate }: Signed): Promise<void> {
  const temporary = `${file}.new`;
  await rm(temporary, { force: true });
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(exportKey(key) + certificate.toString());
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  const directory = await open(dirname(file), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function newKey(): Promise<KeyObject> {
  const { privateKey } = await generateKeys('ec', { namedCurve: 'P-256' });
  return privateKey;
}

function exportKey(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function exportPublicKey(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
}

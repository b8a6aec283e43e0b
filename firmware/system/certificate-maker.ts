import { type ExecFileException, execFile } from 'node:child_process';
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { constants, setPriority } from 'node:os';
import { entryPath } from '../core/assets.ts';
import { RingdownError } from '../core/errors.ts';
import type { CertificateAnswer, CertificateRequest } from './certificate-request.ts';

/** The program that signs, make-certificate.ts, and how long it may take. */
export interface MakerProgram {
  readonly path: string;
  readonly timeoutMs: number;
}

const PROGRAM: MakerProgram = {
  path: entryPath('make-certificate.cjs', 'firmware/system/make-certificate.ts'),
  timeoutMs: 60_000,
};

/** Two certificates are 2 KB, one with the addresses of a hundred interfaces 5 KB more. */
const MAX_OUTPUT_BYTES = 65_536;
const MAX_COMPLAINT_CHARACTERS = 300;

export interface MadeCertificates {
  /** The same as before, where the request keeps it. */
  readonly authority: X509Certificate;
  readonly server: X509Certificate;
}

/**
 * Has the certificates made by a process of its own, so that the event loop goes on. What it answers is believed only
 * when it fits the keys of the request. Throws RingdownError SYSTEM_CERTIFICATE_FAILED.
 */
export async function makeCertificates(
  request: CertificateRequest,
  program: MakerProgram = PROGRAM,
): Promise<MadeCertificates> {
  try {
    return read(await run(program, JSON.stringify(request)), request);
  } catch (error) {
    throw new RingdownError(
      'SYSTEM_CERTIFICATE_FAILED',
      `no certificate could be made: ${error instanceof Error ? error.message : String(error)}`,
      'Restart the service to try again; if it stays so, see that memory is free and install the firmware anew.',
    );
  }
}

/** What the program wrote. The request holds a key, which arguments and environment would show to the whole machine. */
function run(program: MakerProgram, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      [program.path],
      { env: {}, timeout: program.timeoutMs, killSignal: 'SIGKILL', maxBuffer: MAX_OUTPUT_BYTES },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(reasonOf(error, stderr, program)));
      },
    );
    // One that ends before it has read all tells why by its exit status.
    child.stdin?.on('error', () => {});
    child.stdin?.end(request);
    if (child.pid !== undefined) stepBack(child.pid);
  });
}

/** Telephones come first: a phone registers while the box that starts for the first time makes its certificates. */
function stepBack(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It is gone already, or the machine forbids it: it works all the same.
  }
}

function reasonOf(error: ExecFileException, stderr: string, { timeoutMs }: MakerProgram): string {
  if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'the program wrote more than certificates';
  if (error.killed === true) return `the program did not end within ${timeoutMs / 1000} s`;
  // It was never started; the message names the system's error.
  if (typeof error.code === 'string') return error.message;
  const end = error.signal ? `signal ${error.signal}` : `exit status ${error.code}`;
  const complaint = /^\w*Error\b.*$/m.exec(stderr)?.[0].slice(0, MAX_COMPLAINT_CHARACTERS);
  return `the program ended with ${end}${complaint === undefined ? '' : `, ${complaint}`}`;
}

function read(output: string, request: CertificateRequest): MadeCertificates {
  const answer = parseAnswer(output);
  const authorityKey = createPublicKey(request.authorityKey);
  const serverKey = createPublicKey(request.server.publicKey);
  const authority = request.authority.kind === 'keep' ? request.authority.certificate : answer.authority;
  return {
    authority: certificateOf(authority, authorityKey, authorityKey),
    server: certificateOf(answer.server, serverKey, authorityKey),
  };
}

function parseAnswer(output: string): Partial<Record<keyof CertificateAnswer, unknown>> {
  try {
    const answer: unknown = JSON.parse(output);
    if (typeof answer === 'object' && answer !== null) return answer;
  } catch {
    // Said below, in the same words as JSON of another kind.
  }
  throw new Error('the program answered with something else');
}

function certificateOf(pem: unknown, subjectKey: KeyObject, signerKey: KeyObject): X509Certificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(String(pem));
  } catch {
    throw new Error('the program answered with something that is no certificate');
  }
  if (certificate.publicKey.equals(subjectKey) && certificate.verify(signerKey)) return certificate;
  throw new Error('the program answered with a certificate of other keys');
}

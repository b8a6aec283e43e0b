/** What the runtime asks of make-certificate.ts, as JSON on its standard input, and the answer on its standard output. */

export interface CertificateRequest {
  /** PKCS #8 PEM, on P-256: it signs all that is made. */
  readonly authorityKey: string;
  readonly authority: AuthorityRequest;
  readonly server: ServerRequest;
}

export type AuthorityRequest =
  | { readonly kind: 'keep'; readonly certificate: string }
  /** Name and key identifier stay those of `certificate` (PEM), so that what it signed is valid under both. */
  | ({ readonly kind: 'renew'; readonly certificate: string } & Validity)
  | ({ readonly kind: 'new'; readonly commonName: string } & Validity);

export interface ServerRequest extends Validity {
  /** SubjectPublicKeyInfo PEM. */
  readonly publicKey: string;
  /** Host names and addresses, at least one; the first is the common name. IPv6 without an embedded IPv4 address. */
  readonly names: readonly string[];
}

/** Milliseconds since the Unix epoch; a certificate tells whole seconds. */
export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** PEM. */
export interface CertificateAnswer {
  /** Missing where the authority's certificate was to be kept. */
  readonly authority?: string;
  readonly server: string;
}

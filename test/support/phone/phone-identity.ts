import type { Credentials } from './authenticated-request.ts';
import type { Destination } from './client-requests.ts';
import type { PhoneOptions } from './phone.ts';
import { hostPortOf, uriHost } from './sip-message.ts';
import type { SipSocket } from './sip-socket.ts';

/** Who and where a phone is, and where its requests go. */
export class PhoneIdentity {
  readonly domain: string;
  readonly aor: string;
  /** The phone's own URI, with address and port. */
  readonly contactUri: string;
  readonly userAgent: string | undefined;
  readonly moreMethods: readonly string[];
  readonly server: Destination;
  readonly credentials: Credentials;
  readonly #namedDomain: string | undefined;

  constructor(options: PhoneOptions, { transport, port }: SipSocket) {
    this.domain = options.domain ?? uriHost(options.server);
    this.aor = `sip:${options.user}@${this.domain}`;
    const parameter = transport === 'udp' ? '' : `;transport=${transport}`;
    this.contactUri = `sip:${options.user}@${uriHost(options.localAddress)}:${port}${parameter}`;
    this.userAgent = options.userAgent;
    this.moreMethods = options.refer === undefined ? [] : ['REFER'];
    this.server = { host: options.server, port: options.serverPort };
    const { user: username, password, algorithms = ['SHA-256', 'MD5'] } = options;
    this.credentials = { username, password, algorithms };
    this.#namedDomain = options.domain;
  }

  /** The URI of what a person dials. */
  uriOf(target: string): string {
    return target.startsWith('sip:') ? target : `sip:${target}@${this.domain}`;
  }

  /** Where a request to this URI goes. Names are not resolved: what is no address goes to the server. */
  destinationOf(uri: string): Destination {
    const { host, port } = hostPortOf(uri);
    const isAddress = /^[0-9.]+$|:/.test(host);
    if (!isAddress || host === this.#namedDomain || uri.endsWith(`@${this.domain}`)) return this.server;
    return { host, port };
  }
}

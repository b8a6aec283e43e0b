import type { Clock } from '../core/clock.ts';
import type { Logger, SourceLog } from '../core/logger.ts';
import { type IncomingRequest, parseNameAddr, parseSipUri } from '../sip/stack.ts';
import type { Authenticator } from './authenticator.ts';
import type { LocationService } from './location.ts';
import { applyRegister, contactFields } from './register.ts';

export interface RegistrarOptions {
  readonly location: LocationService;
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sourceLog: SourceLog;
}

/** Answers REGISTER (RFC 3261 §10.3). */
export class Registrar {
  readonly #options: RegistrarOptions;

  constructor(options: RegistrarOptions) {
    this.#options = options;
  }

  /** Takes any REGISTER that came in; whoever it is from, it is answered here. */
  register(request: IncomingRequest): void {
    const { location, authenticator, clock, logger, sourceLog } = this.#options;
    const { message, flow } = request;
    // Step 3: who is it? An unknown extension and a wrong password are told apart neither here nor in the answer.
    const authentication = authenticator.authenticate(message, flow);
    if (authentication.kind === 'challenge') {
      if (authentication.failed) {
        sourceLog.warn(flow.remoteAddress, { user: authentication.user }, 'REGISTER with wrong credentials');
      }
      request.respond(401, { headers: authentication.headers });
      return;
    }
    // Steps 4 and 5: the address of record is the extension, under whichever of the box's names and addresses. Nobody
    // registers another's.
    const to = parseNameAddr(message.headers.get('To') ?? '');
    const aor = to === undefined ? undefined : parseSipUri(to.uri)?.user;
    if (aor === undefined) {
      request.respond(400, { reason: 'Malformed To' });
      return;
    }
    if (aor !== authentication.extension) {
      sourceLog.warn(flow.remoteAddress, { user: authentication.extension }, 'REGISTER for another extension');
      request.respond(403);
      return;
    }
    const now = clock.now();
    const present = location.lookup(aor);
    const outcome = applyRegister(message, flow, present, now);
    if (outcome.kind === 'refused') {
      request.respond(outcome.status, {
        ...(outcome.reason === undefined ? {} : { reason: outcome.reason }),
        ...(outcome.headers === undefined ? {} : { headers: outcome.headers }),
      });
      return;
    }
    if (outcome.bindings !== present) {
      location.replace(aor, outcome.bindings);
      if ((outcome.bindings.length === 0) !== (present.length === 0)) {
        const event = outcome.bindings.length === 0 ? 'unregistered' : 'registered';
        logger.info({ extension: aor, from: flow.remoteAddress, transport: flow.protocol }, event);
      }
    }
    request.respond(200, {
      headers: [...contactFields(outcome.bindings, now), ['Date', new Date(now).toUTCString()]],
    });
  }
}

import type { Configuration } from '../config/schema/configuration.ts';
import type { Clock } from '../core/clock.ts';
import { detachedText } from '../core/detached-text.ts';
import type { Logger, SourceLog } from '../core/logger.ts';
import { RecentMap } from '../core/recent-map.ts';
import { type IncomingRequest, parseSipUri, type SipUri } from '../sip/stack.ts';
import type { Access } from './access.ts';
import { extensionsOfUser, isSoleDevice, refusalOf } from './admission.ts';
import type { Authenticator } from './authenticator.ts';
import type { AutoCreation } from './auto-creation.ts';
import type { Binding, EndEvent, EndedBinding } from './binding.ts';
import { contactFields } from './contact-fields.ts';
import { type Device, deviceOf } from './device-class.ts';
import type { Gruus } from './gruu.ts';
import type { LocationService } from './location.ts';
import { supports } from './path.ts';
import { applyRegister, type RegisterOutcome } from './register.ts';
import { displacedBy, type UserBinding } from './simultaneous-devices.ts';
import { warning } from './warning.ts';

export interface RegistrarOptions {
  readonly location: LocationService;
  readonly authenticator: Authenticator;
  readonly access: Access;
  readonly gruus: Gruus;
  /** Makes extensions that there are not yet; nobody does unless given. */
  readonly newcomers?: Pick<AutoCreation, 'create'>;
  readonly configuration: () => Configuration;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sourceLog: SourceLog;
}

type Bindings = Extract<RegisterOutcome, { kind: 'bindings' }>;

/** Devices that others took the place of; a forgotten one may fight for it once. */
const MAX_DISPLACED = 2048;
const MAX_KEY_LENGTH = 256;
const PLACE_TAKEN = 'another device of this user has taken its place: log it out, or this one in anew';

/** Answers REGISTER (RFC 3261 §10.3), and keeps to what the configuration allows of devices. */
export class Registrar {
  readonly #options: RegistrarOptions;
  /** By extension and Call-ID, under which a device stays from one start to the next (RFC 3261 §10.2). */
  readonly #displaced = new RecentMap<string, true>(MAX_DISPLACED);

  constructor(options: RegistrarOptions) {
    this.#options = options;
  }

  /** Takes any REGISTER that came in; whoever it is from, it is answered here. */
  register(request: IncomingRequest): void {
    const { authenticator, sourceLog } = this.#options;
    const { message, flow } = request;
    // Step 3: who is it? An unknown extension and a wrong password are told apart neither here nor in the answer.
    const authentication = authenticator.authenticate(message, flow);
    if (authentication.kind === 'challenge') {
      if (authentication.failed) {
        sourceLog.warn(
          flow.remoteAddress,
          { user: authentication.user, why: authentication.why },
          'REGISTER with wrong credentials',
        );
      }
      request.respond(401, { headers: authentication.headers });
      return;
    }
    if (authentication.kind === 'refused') {
      sourceLog.warn(flow.remoteAddress, { why: authentication.why }, 'REGISTER refused');
      request.respond(403, { headers: authentication.headers });
      return;
    }
    // Steps 4 and 5: the address of record is the extension, under whichever of the box's names and addresses. Nobody
    // registers another's.
    const aor = parseSipUri(message.to.uri);
    if (aor?.user === undefined) {
      request.respond(400, { reason: 'Malformed To' });
      return;
    }
    if (aor.user !== authentication.extension) {
      const why = 'the user name and the login name must be the same extension';
      const { extension } = authentication;
      sourceLog.warn(flow.remoteAddress, { user: extension, as: aor.user.slice(0, 64), why }, 'REGISTER refused');
      request.respond(403, { headers: [warning(why)] });
      return;
    }
    this.#apply(request, aor, authentication.extension);
  }

  /** Ends the bindings that an edit no longer allows. */
  recheck(): void {
    const { location, configuration, access, logger } = this.#options;
    const current = configuration();
    for (const [extension, bindings] of [...location.entries()]) {
      const ended = bindings.filter((binding) => {
        const { flow } = binding;
        const why =
          access.wayRefusal(flow) ??
          (access.isAdmitted(extension, flow) ? undefined : 'its address is not among those of the extension') ??
          refusalOf(current, extension, deviceOfBinding(binding), flow.remoteAddress);
        if (why !== undefined) logger.info({ extension, ...nameOf(binding), why }, 'device logged out by an edit');
        return why !== undefined;
      });
      if (ended.length > 0) this.#end(extension, ended, 'rejected');
    }
  }

  /** Ends bindings of an extension, all of them unless `isMeant` says which; how many. */
  forget(extension: string, event: EndEvent, isMeant: (binding: Binding) => boolean = () => true): number {
    const ended = this.#options.location.lookup(extension).filter(isMeant);
    if (ended.length > 0) this.#end(extension, ended, event);
    return ended.length;
  }

  /** RFC 3261 §10.3, steps 6 to 8. */
  #apply(request: IncomingRequest, aor: SipUri, extension: string): void {
    const { location, clock, configuration, sourceLog } = this.#options;
    const { message, flow } = request;
    const now = clock.now();
    const present = location.lookup(extension);
    const outcome = applyRegister(message, flow, present, now, configuration().system.sip);
    switch (outcome.kind) {
      case 'refused':
        request.respond(outcome.status, outcome);
        return;
      case 'query':
        this.#answer(request, aor, present, [], now);
        return;
      case 'bindings': {
        const [newest] = outcome.fresh;
        if (newest !== undefined && configuration().extensions[extension] === undefined) {
          this.#create(request, aor, extension);
          return;
        }
        const device = newest === undefined ? undefined : deviceOfBinding(newest);
        const why =
          (device && refusalOf(configuration(), extension, device, flow.remoteAddress)) ??
          (this.#mayNotReturn(extension, message.callId, newest) ? PLACE_TAKEN : undefined);
        if (why !== undefined) {
          sourceLog.warn(flow.remoteAddress, { extension, why }, 'REGISTER refused');
          request.respond(403, { headers: [warning(why)] });
          return;
        }
        this.#take(extension, outcome, newest);
        this.#answer(request, aor, location.lookup(extension), outcome.headers, now);
      }
    }
  }

  /** The extension of a phone that proved the default password is made, and then it registers as any other. */
  #create(request: IncomingRequest, aor: SipUri, extension: string): void {
    const { newcomers, configuration, sourceLog } = this.#options;
    const { remoteAddress } = request.flow;
    const creation = newcomers?.create(extension, remoteAddress) ?? {
      kind: 'refused',
      why: 'there is no such extension',
    };
    if (creation.kind === 'busy') {
      request.respond(503, { headers: [['Retry-After', '1']] });
      return;
    }
    if (creation.kind === 'refused') {
      sourceLog.warn(remoteAddress, { extension, why: creation.why }, 'REGISTER refused');
      request.respond(403, { headers: [warning(creation.why)] });
      return;
    }
    // What this turn sees of the configuration is older than the extension.
    setImmediate(() => {
      if (configuration().extensions[extension] === undefined) request.respond(403);
      else this.#apply(request, aor, extension);
    });
  }

  #take(extension: string, outcome: Bindings, newest: Binding | undefined): void {
    const { location, logger } = this.#options;
    const { fresh, ended } = outcome;
    const isChange = ended.length > 0 || fresh.some(({ refreshed }) => refreshed !== true);
    location.replace(extension, outcome.bindings, isChange ? ended : undefined);
    for (const { binding } of ended) logger.info({ extension, ...nameOf(binding) }, 'unregistered');
    if (newest === undefined) return;
    if (newest.refreshed !== true) logger.info({ extension, ...nameOf(newest) }, 'registered');
    this.#displace(extension, newest);
  }

  /**
   * The newest device wins, and a mere refresh makes none the newest: else two devices of a class would log each other out for
   * ever. Whose place was taken returns when there is room, when it is started or logged in anew.
   */
  #mayNotReturn(extension: string, callId: string, newest: Binding | undefined): boolean {
    const key = keyOf(extension, callId);
    if (this.#displaced.get(key) === undefined) return false;
    if (newest !== undefined && this.#displacedBy(extension, newest).length > 0) return true;
    this.#displaced.delete(key);
    return false;
  }

  /** Those of its user that may not stand beside a device. */
  #displacedBy(extension: string, newest: Binding): readonly UserBinding[] {
    const { location, configuration } = this.#options;
    const current = configuration();
    const others: UserBinding[] = [];
    for (const each of extensionsOfUser(current, extension)) {
      for (const binding of location.lookup(each)) if (binding !== newest) others.push({ extension: each, binding });
    }
    if (others.length === 0) return others;
    others.sort((a, b) => b.binding.expiresAtMs - a.binding.expiresAtMs);
    return displacedBy({ extension, binding: newest }, others, {
      devicesPerClass: current.system.sip.devicesPerClass,
      isSole: (other) => isSoleDevice(current, other.extension, deviceOfBinding(other.binding)),
    });
  }

  /** The newest device wins: those of its user that may not stand beside it are logged out. */
  #displace(extension: string, newest: Binding): void {
    const { logger } = this.#options;
    const displaced = this.#displacedBy(extension, newest);
    if (displaced.length === 0) return;
    for (const each of new Set(displaced.map((other) => other.extension))) {
      const ended = displaced.flatMap((other) => (other.extension === each ? other.binding : []));
      this.#end(each, ended, 'rejected');
      for (const binding of ended) {
        this.#displaced.set(detachedText(keyOf(each, binding.callId), MAX_KEY_LENGTH), true);
        logger.info({ extension: each, ...nameOf(binding), by: nameOf(newest) }, 'another device took its place');
      }
    }
  }

  #end(extension: string, bindings: readonly Binding[], event: EndEvent): void {
    const { location } = this.#options;
    const rest = location.lookup(extension).filter((binding) => !bindings.includes(binding));
    location.replace(
      extension,
      rest,
      bindings.map((binding): EndedBinding => ({ binding, event })),
    );
  }

  #answer(
    request: IncomingRequest,
    aor: SipUri,
    bindings: readonly Binding[],
    headers: Bindings['headers'],
    nowMs: number,
  ): void {
    const hasGruu = bindings.some(({ publicGruu }) => publicGruu !== undefined) && supports(request.message, 'gruu');
    const contacts = contactFields(bindings, nowMs, hasGruu ? { gruus: this.#options.gruus, aor } : undefined);
    request.respond(200, { headers: [...contacts, ...headers, ['Date', dateText(nowMs)]] });
  }
}

function deviceOfBinding({ userAgent, capabilities, flow }: Binding): Device {
  return deviceOf({ userAgent, capabilities, protocol: flow.protocol });
}

function keyOf(extension: string, callId: string): string {
  return `${extension} ${callId}`.slice(0, MAX_KEY_LENGTH);
}

let writtenSecond = { second: Number.NaN, text: '' };

/** RFC 3261 §20.17. Written once a second: thousands of answers have the same. */
function dateText(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== writtenSecond.second) writtenSecond = { second, text: new Date(nowMs).toUTCString() };
  return writtenSecond.text;
}

/** For the log. */
function nameOf({ flow, userAgent }: Binding): Record<string, unknown> {
  return { from: flow.remoteAddress, transport: flow.protocol, ...(userAgent === undefined ? {} : { userAgent }) };
}

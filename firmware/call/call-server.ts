import type { Clock } from '../core/clock.ts';
import type { Logger, SourceLog } from '../core/logger.ts';
import type { MediaClient } from '../media/client.ts';
import type { Authenticator } from '../registrar/authenticator.ts';
import type { Gruus } from '../registrar/gruu.ts';
import type { LocationService } from '../registrar/location.ts';
import { type ReachableDevice, reachableDevices } from '../registrar/reachable-devices.ts';
import type { Flow, IncomingInvite, SipStack } from '../sip/stack.ts';
import { Call, type Identity } from './call.ts';
import type { MediaSettings } from './leg/media-settings.ts';

export interface CallServerOptions {
  readonly stack: () => SipStack;
  readonly media: () => Promise<MediaClient>;
  readonly location: LocationService;
  readonly authenticator: Authenticator;
  readonly gruus: Pick<Gruus, 'find'>;
  /** The extension of that number, if there is one. */
  readonly extension: (number: string) => Identity | undefined;
  /** What an extension may do in a call that begins now. */
  readonly mediaSettings: (extension: string) => MediaSettings;
  /** Whether media may go past the box between two peers, as configured now. */
  readonly mayBeDirect: (flows: readonly [Flow, Flow]) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sourceLog: SourceLog;
}

/** More than a box of this class ever carries; each call costs memory and ports. */
const MAX_CALLS = 400;

/** Takes the INVITEs of extensions, decides where each goes, and keeps the calls. */
export class CallServer {
  readonly #options: CallServerOptions;
  readonly #calls = new Set<Call>();

  constructor(options: CallServerOptions) {
    this.#options = options;
  }

  get calls(): ReadonlySet<Call> {
    return this.#calls;
  }

  /** Takes any INVITE that opens a session. */
  invite(invite: IncomingInvite): void {
    const { authenticator, extension, gruus, location, sourceLog } = this.#options;
    const { message, flow } = invite;
    // No call from a stranger: each INVITE proves who sends it, whatever From says.
    const authentication = authenticator.authenticate(message, flow);
    if (authentication.kind === 'challenge') {
      if (authentication.failed) {
        sourceLog.warn(
          flow.remoteAddress,
          { user: authentication.user, why: authentication.why },
          'INVITE with wrong credentials',
        );
      }
      invite.reject(401, { headers: authentication.headers });
      return;
    }
    if (authentication.kind === 'refused') {
      sourceLog.warn(flow.remoteAddress, { why: authentication.why }, 'INVITE refused');
      invite.refuse(403, { headers: authentication.headers });
      return;
    }
    const caller = extension(authentication.extension);
    if (caller === undefined) {
      invite.reject(403);
      return;
    }
    if (message.maxForwards < 1) {
      invite.reject(483);
      return;
    }
    const { sipUri } = message;
    // RFC 5627 §5.4: a GRUU leads to one instance and no other.
    const instance = sipUri === undefined ? undefined : gruus.find(sipUri);
    const dialled = instance?.aor ?? sipUri?.user;
    const callee = dialled === undefined ? undefined : extension(dialled);
    if (callee === undefined) {
      invite.reject(404);
      return;
    }
    if (this.#calls.size >= MAX_CALLS) {
      invite.reject(503, { headers: [['Retry-After', '10']] });
      return;
    }
    // Nobody rings the very phone that is calling, though the user's other devices may.
    const reachable = location
      .lookup(callee.number)
      .filter((binding) => this.#options.stack().isOpen(binding.flow) && instance?.isMeant(binding) !== false);
    const devices = reachableDevices(reachable.filter((binding) => !isSameWay(binding.flow, flow)));
    if (devices.length === 0) {
      invite.reject(reachable.length > 0 ? 486 : 480);
      return;
    }
    this.#start(invite, caller, callee, devices);
  }

  /** These addresses of ours go: ends the calls over them, whose phones could not even hang up any more. */
  leave(addresses: readonly string[]): void {
    for (const call of [...this.#calls]) if (call.goesOver(addresses)) call.shutDown();
  }

  /** Ends every call. */
  shutDown(): void {
    for (const call of [...this.#calls]) call.shutDown();
  }

  #start(invite: IncomingInvite, caller: Identity, callee: Identity, devices: readonly ReachableDevice[]): void {
    const { stack, media, mediaSettings, mayBeDirect, clock, logger, sourceLog } = this.#options;
    const call = new Call({
      invite,
      caller,
      callee,
      devices,
      stack: stack(),
      mediaSettings: { caller: mediaSettings(caller.number), callee: mediaSettings(callee.number) },
      mayBeDirect,
      media,
      clock,
      logger,
      sourceLog,
      onEnded: () => this.#calls.delete(call),
    });
    this.#calls.add(call);
    call.start();
  }
}

function isSameWay(a: Flow, b: Flow): boolean {
  return a.protocol === b.protocol && a.remoteAddress === b.remoteAddress && a.remotePort === b.remotePort;
}

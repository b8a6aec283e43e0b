import type { Clock } from '../../core/clock.ts';
import type { Authorization, EventPackage, IncomingRequest } from '../../sip/stack.ts';
import { type DialogView, dialogDocument } from './dialog-document.ts';
import type { UserLeg, UserPresences } from './user-presence.ts';

/** Who may watch whom, as configured now. */
export interface LampPolicy extends DialogView {
  readonly watchers: 'everybody' | 'nobody';
}

export interface DialogEventsOptions {
  readonly presences: UserPresences;
  /** The extension whose device subscribes; undefined where the request got its answer. */
  readonly authenticate: (request: IncomingRequest) => string | undefined;
  /** The user of an extension, and of the number that is watched; undefined where there is none. */
  readonly userOf: (number: string) => string | undefined;
  readonly policy: () => LampPolicy;
  /** The host of an address of record, as a URI has it. */
  readonly domain: () => string;
  /** What a resource shows is another state than before. */
  readonly notify: (resource: string) => void;
  readonly clock: Clock;
}

/** How long a document tells of a dialog that ended: a subscriber that was not reached at once hears of it all the same. */
const TELL_FOR_MS = 30_000;
/** Of one user. */
const MAX_ENDED = 4;
/** More than a box has users; then they are put together anew. */
const MAX_RESOURCES = 2000;

interface Ended {
  readonly leg: UserLeg;
  readonly atMs: number;
}

/** Each way to see a user is a resource of its own for the notifier: `201`, `201 i`, `201 p`, `201 ip`. */
const VIEWS: readonly { readonly name: string; readonly view: DialogView }[] = [
  { name: '', view: { identities: false, pickUp: false } },
  { name: ' i', view: { identities: true, pickUp: false } },
  { name: ' p', view: { identities: false, pickUp: true } },
  { name: ' ip', view: { identities: true, pickUp: true } },
];
const EVERYTHING: DialogView = { identities: true, pickUp: true };

/** The event package `dialog` (RFC 4235): the lamps that show who is on a call, and whose phone rings. */
export class DialogEvents implements EventPackage {
  readonly event = 'dialog';
  readonly contentType = 'application/dialog-info+xml';
  /** RFC 4235 §3.4. */
  readonly defaultExpiresSeconds = 3600;
  readonly minExpiresSeconds = 60;
  readonly maxExpiresSeconds = 86_400;
  readonly #options: DialogEventsOptions;
  /** By user, what `resourcesOf` gave: a name that is put together anew has to be looked up letter by letter. */
  readonly #resources = new Map<string, readonly string[]>();
  /** By user. */
  readonly #ended = new Map<string, readonly Ended[]>();

  constructor(options: DialogEventsOptions) {
    this.#options = options;
    options.presences.onLegs((user, released) => {
      this.#keep(user, released);
      let resources = this.#resources.get(user);
      if (resources === undefined) {
        if (this.#resources.size >= MAX_RESOURCES) this.#resources.clear();
        resources = this.resourcesOf(user);
        this.#resources.set(user, resources);
      }
      for (const resource of resources) options.notify(resource);
    });
  }

  /** What the notifier knows a user as. */
  resourcesOf(user: string): readonly string[] {
    return VIEWS.map(({ name }) => user + name);
  }

  /** A user sees everything of his own; others what the policy says. RFC 4235 §3.6 asks for no less than that. */
  authorize(request: IncomingRequest): Authorization {
    const { authenticate, userOf, policy } = this.#options;
    const extension = authenticate(request);
    if (extension === undefined) return { kind: 'answered' };
    const watcher = userOf(extension);
    const watched = userOf(request.message.sipUri?.user ?? '');
    const { watchers, identities, pickUp } = policy();
    const isOwn = watcher !== undefined && watcher === watched;
    if (!isOwn && watchers === 'nobody') {
      request.respond(403);
      return { kind: 'answered' };
    }
    if (watched === undefined) {
      request.respond(404);
      return { kind: 'answered' };
    }
    const wanted = isOwn ? EVERYTHING : { identities, pickUp };
    const found = VIEWS.find(({ view }) => view.identities === wanted.identities && view.pickUp === wanted.pickUp);
    return { kind: 'accepted', resource: watched + (found?.name ?? '') };
  }

  state(resource: string, version: number): string {
    const { presences, domain } = this.#options;
    const [user = ''] = resource.split(' ');
    const view = VIEWS.find(({ name }) => user + name === resource)?.view ?? { identities: false, pickUp: false };
    return dialogDocument({
      entity: `sip:${user}@${domain()}`,
      version,
      legs: presences.legsOf(user),
      ended: this.#recent(user).map(({ leg }) => leg),
      view,
      domain: domain(),
    });
  }

  #keep(user: string, released: readonly UserLeg[]): void {
    const atMs = this.#options.clock.elapsed();
    // The oldest one stands last: while it is told of, so are all.
    const oldest = this.#ended.get(user)?.at(-1);
    if (released.length === 0 && (oldest === undefined || atMs - oldest.atMs < TELL_FOR_MS)) return;
    const all = [...released.map((leg) => ({ leg, atMs })), ...this.#recent(user)];
    if (all.length === 0) this.#ended.delete(user);
    else this.#ended.set(user, all.slice(0, MAX_ENDED));
  }

  #recent(user: string): readonly Ended[] {
    const now = this.#options.clock.elapsed();
    return (this.#ended.get(user) ?? []).filter(({ atMs }) => now - atMs < TELL_FOR_MS);
  }
}

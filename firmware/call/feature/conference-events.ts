import type { Authorization, EventPackage, IncomingRequest, SubscriberMemory } from '../../sip/stack.ts';
import type { CallServer } from '../call-server.ts';
import type { Conferences, ConferenceWatcher } from './conference.ts';
import { type ConferenceView, conferenceDocument, viewOf } from './conference-document.ts';
import type { ConferenceRoom } from './conference-room.ts';

export interface ConferenceEventsOptions {
  readonly calls: Pick<CallServer, 'services' | 'partyOf'>;
  readonly conferences: Conferences;
  /** The extension whose device subscribes; undefined where the request got its answer. */
  readonly authenticate: (request: IncomingRequest) => string | undefined;
  /** The host of an address of record, as a URI has it. */
  readonly domain: () => string;
}

/**
 * The event package `conference` (RFC 4575): who is in a conference, for those who are, and for its owner. Each user's view of a
 * conference is a resource of its own, `conf0123… 201`, so that it ends for whoever leaves.
 */
export class ConferenceEvents implements EventPackage, ConferenceWatcher {
  readonly event = 'conference';
  readonly contentType = 'application/conference-info+xml';
  /** RFC 4575 §3.3. */
  readonly defaultExpiresSeconds = 3600;
  readonly minExpiresSeconds = 60;
  readonly maxExpiresSeconds = 86_400;
  /** RFC 4575 §3.10: who speaks changes often. */
  readonly minNotifyIntervalMs = 1000;
  readonly #options: ConferenceEventsOptions;
  /** Users who have subscribed to a conference that there is. */
  readonly #watching = new WeakMap<ConferenceRoom, Set<string>>();

  constructor(options: ConferenceEventsOptions) {
    this.#options = options;
    options.conferences.watchers.add(this);
  }

  authorize(request: IncomingRequest): Authorization {
    const { authenticate, conferences, calls } = this.#options;
    const extension = authenticate(request);
    if (extension === undefined) return { kind: 'answered' };
    const { user } = calls.partyOf(extension);
    const room = conferences.roomNamed(request.message.sipUri?.user ?? '');
    if (room === undefined || user === undefined || !(room.hasUser(user) || room.owner === user)) {
      request.respond(room === undefined ? 404 : 403);
      return { kind: 'answered' };
    }
    const watching = this.#watching.get(room) ?? new Set();
    this.#watching.set(room, watching.add(user));
    return { kind: 'accepted', resource: resourceOf(room, user) };
  }

  state(resource: string, version: number, memory: SubscriberMemory): string | undefined {
    const { conferences, domain } = this.#options;
    const [name = ''] = resource.split(' ');
    const room = conferences.roomNamed(name);
    if (room === undefined) return undefined;
    const view = viewOf(room, domain());
    const before = memory.told as ConferenceView | undefined;
    memory.told = view;
    return conferenceDocument(`sip:${name}@${domain()}`, version, view, before);
  }

  changed(room: ConferenceRoom): void {
    const { stack } = this.#options.calls.services;
    for (const user of this.#watching.get(room) ?? []) stack.notify(this.event, resourceOf(room, user));
  }

  left(room: ConferenceRoom, user: string): void {
    if (user === room.owner || this.#watching.get(room)?.delete(user) !== true) return;
    this.#options.calls.services.stack.endSubscriptions(this.event, resourceOf(room, user), 'rejected');
  }

  over(room: ConferenceRoom): void {
    const { stack } = this.#options.calls.services;
    for (const user of this.#watching.get(room) ?? []) {
      stack.endSubscriptions(this.event, resourceOf(room, user), 'noresource');
    }
    this.#watching.delete(room);
  }
}

function resourceOf({ name }: ConferenceRoom, user: string): string {
  return `${name} ${user}`;
}

import type { Logger } from '../../core/logger.ts';
import { type IncomingRefer, type IncomingRequest, paramValue, parseSipUri } from '../../sip/stack.ts';
import type { Call } from '../call.ts';
import type { CallServer } from '../call-server.ts';
import type { Leg } from '../leg/leg.ts';
import type { Caller, Step } from '../routing/plan.ts';
import { CONFERENCE_NAME } from '../routing/plan.ts';
import type { StepContext } from '../step/step-runner.ts';
import type { Conferences } from './conference.ts';
import type { ConferenceCalls } from './conference-calls.ts';
import { type ConferenceRoom, MAX_MEMBERS } from './conference-room.ts';
import { type ReferredTo, readReferTo } from './referred.ts';

export interface ConferenceReferralOptions {
  readonly calls: CallServer;
  readonly conferences: Conferences;
  readonly outgoing: ConferenceCalls;
  /** The extension whose device sends a request outside of any call; undefined where the request got its answer. */
  readonly authenticate: (request: IncomingRequest) => string | undefined;
  readonly logger: Logger;
}

/** Telephones that ring for one conference at a time. */
const MAX_INVITED = 16;

/** Who refers, by the telephone with which he is in the conference. */
interface Referrer {
  readonly room: ConferenceRoom;
  readonly leg: Leg;
  readonly user: string;
  readonly context: StepContext;
}

/**
 * REFER to a conference (RFC 4579 §5): brings in whom a number names, or who is in a call that Replaces names; with method=BYE it
 * drops a party, and with the parameter `mute` of ours it mutes one. In the call of a party, or outside of it to the URI of the
 * conference by somebody who is in it; and an attended transfer (RFC 5589 §7) that names the place of who transfers in one.
 */
export class ConferenceReferrals {
  readonly #options: ConferenceReferralOptions;

  constructor(options: ConferenceReferralOptions) {
    this.#options = options;
  }

  /** False where it is about no conference. */
  refer(refer: IncomingRefer): boolean {
    const referrer = refer.dialog === undefined ? this.#outside(refer) : this.#inCall(refer);
    if (referrer === undefined) return false;
    if (referrer === 'answered') return true;
    const status = typeof referrer === 'number' ? referrer : this.#obey(refer, referrer);
    if (status === undefined) return true;
    const user = typeof referrer === 'number' ? undefined : referrer.user;
    this.#options.logger.info({ user, status }, 'what a conference was asked for is refused');
    refer.reject(status);
    return true;
  }

  #inCall(refer: IncomingRefer): Referrer | number | 'answered' | undefined {
    const { calls, conferences } = this.#options;
    const leg = refer.dialog === undefined ? undefined : calls.legOf(refer.dialog);
    if (leg === undefined) return undefined;
    const room = conferences.roomOf(leg);
    return room === undefined ? this.#handOver(refer, leg) : this.#referrerOf(room, leg);
  }

  /** RFC 5589 §7, where the consultation is a conference: whom the referrer talks to comes in, in his place. */
  #handOver(refer: IncomingRefer, leg: Leg): number | 'answered' | undefined {
    const { calls, conferences } = this.#options;
    const target = readReferTo(refer.referTo);
    const replaces = 'status' in target ? undefined : target.replaces;
    const own = replaces === undefined ? undefined : this.#legOf(replaces);
    const room = own === undefined ? undefined : conferences.roomOf(own);
    if (own === undefined || room === undefined) return undefined;
    const referrer = this.#referrerOf(room, own);
    if (typeof referrer === 'number') return referrer;
    if (referrer.user !== leg.party.user) return 403;
    const party = calls.callOf(leg)?.peerOf(leg);
    if (party === undefined) return 491;
    return this.#bring(refer, referrer, party, () => room.drop(own)) ?? 'answered';
  }

  #outside(refer: IncomingRefer): Referrer | number | 'answered' | undefined {
    const { conferences, authenticate, calls } = this.#options;
    const { message, flow } = refer;
    const name = message.sipUri?.user ?? '';
    if (!CONFERENCE_NAME.test(name)) return undefined;
    const respond: IncomingRequest['respond'] = (status, options) => refer.reject(status, options);
    const extension = authenticate({ message, flow, respond });
    if (extension === undefined) return 'answered';
    const room = conferences.roomNamed(name);
    if (room === undefined) return 404;
    const { user } = calls.partyOf(extension);
    const own = room.members.map(({ leg }) => leg).filter(({ party }) => user !== undefined && party.user === user);
    const leg = own.find(({ party }) => party.extension === extension) ?? own[0];
    return leg === undefined ? 403 : this.#referrerOf(room, leg);
  }

  #referrerOf(room: ConferenceRoom, leg: Leg): Referrer | number {
    const context = room.contextOf(leg);
    const { user } = leg.party;
    // A carrier does not decide who talks here.
    if (user === undefined || context === undefined) return 403;
    return { room, leg, user, context };
  }

  /** The status that refuses it; undefined where it is accepted. */
  #obey(refer: IncomingRefer, referrer: Referrer): number | undefined {
    const target = readReferTo(refer.referTo, true);
    if ('status' in target) return target.status;
    const mute = muteOf(refer);
    if (mute !== undefined) return mute === 'malformed' ? 400 : this.#mute(refer, referrer, target.number, mute);
    if (target.method === 'BYE') return this.#drop(refer, referrer, target.number);
    if (target.replaces !== undefined) return this.#replace(refer, referrer, target, target.replaces);
    return this.#invite(refer, referrer, target.number);
  }

  /** RFC 4579 §5.11. Everybody drops himself; the owner others, and by the name of the conference all. */
  #drop(refer: IncomingRefer, { room, user }: Referrer, number: string): number | undefined {
    const isAll = number === room.name;
    const dropped = isAll ? [] : room.membersCalled(number);
    if (!isAll && dropped.length === 0) return 404;
    if (user !== room.owner && (isAll || dropped.some(({ party }) => party.user !== user))) return 403;
    this.#options.logger.info({ user, room: room.name, dropped: number }, 'dropped from a conference');
    const progress = refer.accept();
    if (!progress.isAccepted) return undefined;
    progress.notify(200);
    if (isAll) room.end();
    for (const leg of dropped) room.drop(leg);
    return undefined;
  }

  #mute(refer: IncomingRefer, { room, user }: Referrer, number: string, isMuted: boolean): number | undefined {
    const isAll = number === room.name;
    const others = room.members.map(({ leg }) => leg).filter(({ party }) => party.user !== room.owner);
    const muted = isAll ? others : room.membersCalled(number);
    if (!isAll && muted.length === 0) return 404;
    if (user !== room.owner && (isAll || muted.some(({ party }) => party.user !== user))) return 403;
    const progress = refer.accept();
    if (!progress.isAccepted) return undefined;
    for (const leg of muted) room.mute(leg, isMuted);
    progress.notify(200);
    return undefined;
  }

  /** RFC 4579 §5.10: a party of a call of the referrer comes in, and that call ends. */
  #replace(
    refer: IncomingRefer,
    referrer: Referrer,
    { number }: ReferredTo,
    replaces: NonNullable<ReferredTo['replaces']>,
  ): number | undefined {
    const { calls } = this.#options;
    const own = this.#legOf(replaces);
    if (own === undefined || own === referrer.leg) return 481;
    if (own.party.user !== referrer.user) return 403;
    const call = calls.callOf(own);
    const party = call?.peerOf(own);
    if (party === undefined) {
      // It still rings: the box calls once more, for the conference.
      if (call?.waiting !== own || own.isUp || number === '') return 481;
      return this.#invite(refer, referrer, number, { call, leg: own });
    }
    return this.#bring(refer, referrer, party);
  }

  /** Some phones write the tags as they see them themselves. */
  #legOf({ callId, localTag, remoteTag }: NonNullable<ReferredTo['replaces']>): Leg | undefined {
    const { calls } = this.#options;
    return (
      calls.legOf({ callId, localTag, remoteTag }) ?? calls.legOf({ callId, localTag: remoteTag, remoteTag: localTag })
    );
  }

  /** Out of a call that ends by it. The status that refuses it; undefined where it is accepted. */
  #bring(
    refer: IncomingRefer,
    { room, user, context }: Referrer,
    party: Leg,
    cameIn: () => void = () => undefined,
  ): number | undefined {
    const { conferences, logger } = this.#options;
    if (room.isFull) return 486;
    const progress = refer.accept();
    if (!progress.isAccepted) return undefined;
    logger.info({ user, room: room.name, party: party.party.number }, 'brought into a conference');
    const arrived = room.expect();
    const done = (status: number): void => {
      if (status === 200) cameIn();
      arrived();
      progress.notify(status);
    };
    conferences.bring(party, room, context).then(
      (isIn) => done(isIn ? 200 : 480),
      (error: unknown) => {
        logger.error({ err: error }, 'nobody was brought into a conference');
        done(500);
      },
    );
    return undefined;
  }

  /** RFC 4579 §5.5: the box calls the number in the name of the referrer, with his class of service. */
  #invite(
    refer: IncomingRefer,
    referrer: Referrer,
    number: string,
    instead?: { readonly call: Call; readonly leg: Leg },
  ): number | undefined {
    const { calls, outgoing, logger } = this.#options;
    const { room, leg, user, context } = referrer;
    const { step } = calls.plan(callerOf(leg, user), number);
    if (step.kind === 'refuse') return step.status;
    const called = withoutBox(step);
    if (called === undefined) return 403;
    const invited = outgoing.callingFor(room);
    if (room.isFull || invited >= MAX_INVITED || room.members.length + invited >= MAX_MEMBERS) return 486;
    const progress = refer.accept();
    if (!progress.isAccepted) return undefined;
    instead?.call.hangUp(instead.leg);
    logger.info({ user, room: room.name, to: number }, 'called into a conference');
    outgoing.call({ room, leg, context, step: called, number, tell: (status) => progress.notify(status) });
    return undefined;
  }
}

/** As if he dialled it. */
function callerOf({ party }: Leg, user: string): Caller {
  const { device, extension = '' } = party;
  return { kind: 'user', user, extension, ...(device === undefined ? {} : { device }) };
}

/** What of a plan calls telephones: the box itself, a queue or a mailbox are no parties. */
function withoutBox(step: Step): Step | undefined {
  if (step.kind !== 'ring' && step.kind !== 'line') return undefined;
  const after = Object.entries(step.after).flatMap(([outcome, next]) => {
    const rest = next === undefined ? undefined : withoutBox(next);
    return rest === undefined ? [] : [[outcome, rest]];
  });
  return { ...step, after: Object.fromEntries(after) };
}

/** The parameter `mute` of the URI in Refer-To: `on`, or `off`. */
function muteOf({ referTo }: IncomingRefer): boolean | 'malformed' | undefined {
  const uri = parseSipUri(referTo.uri);
  const value = uri === undefined ? undefined : paramValue(uri.params, 'mute')?.toLowerCase();
  if (value === undefined) return undefined;
  return value === 'on' ? true : value === 'off' ? false : 'malformed';
}

import type { Configuration } from '../../config/schema/configuration.ts';

/*
 * What routing is asked and what it answers. A plan is worked out once, from what is known when somebody dials; what can only
 * be known later (nobody answers, the line is busy) is a branch of it. Everything here is plain data: a plan can be printed,
 * compared and run.
 */

/** Who calls. */
export type Caller =
  | {
      readonly kind: 'user';
      /** Number of the user, a key of `configuration.users`. */
      readonly user: string;
      /** Number of the extension that the device registered as. */
      readonly extension: string;
      /** The device, by its `DeviceState.id`: it never rings for its own call. */
      readonly device?: string;
      /** For its location, where the extension has none. */
      readonly remoteAddress?: string;
      /** The device wants its number withheld (RFC 3323). */
      readonly withholdsNumber?: boolean;
    }
  | {
      readonly kind: 'line';
      /** Number of the line, a key of `configuration.lines`. What was dialled is the called number, as the carrier gave it. */
      readonly line: string;
      /** As the carrier gave it; left out where it is withheld or unknown. */
      readonly callerNumber?: string;
      readonly callerName?: string;
    }
  | {
      /** A device that nobody is logged in on: an extension without user. It reaches help, and may log in. */
      readonly kind: 'nobody';
      readonly extension: string;
      readonly device?: string;
      readonly remoteAddress?: string;
    };

export interface RoutingRequest {
  readonly caller: Caller;
  /** As the device sent it; `#` or `;` at its end says that nothing follows. */
  readonly dialled: string;
  readonly configuration: Configuration;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly state: RoutingState;
}

/** Of one device that registered. */
export interface DeviceState {
  /** Opaque; the same for as long as the device stays registered. */
  readonly id: string;
  readonly deviceClass: 'desk' | 'desktop' | 'mobile' | 'webrtc';
  /** Calls that it made or answered and that have not ended, held ones among them. */
  readonly calls: number;
}

export interface LineState {
  /** Registered where it must be, and the last OPTIONS was answered. */
  readonly isInService: boolean;
  /** Calls up and calls being set up, in both directions. */
  readonly channelsInUse: number;
  /** Whether one of those is no emergency call, and so may make way for one. */
  readonly hasCallToDrop: boolean;
  /** Which of its calls that would be; of several lines the greatest number is the youngest. */
  readonly youngestToDrop?: number;
}

/** The present, as far as routing looks at it. Every method answers for any text, and without side effects. */
export interface RoutingState {
  /** Devices of an extension that can be called now, the preferred one first. */
  devicesOf(extension: string): readonly DeviceState[];
  lineState(line: string): LineState;
  /** Calls that wait in the queue of a hunt group. */
  waitingIn(huntGroup: string): number;
  /** The telephone at which a user is now, as he dials it (other-phone mode); undefined where he is at his devices. */
  otherPhoneOf(user: string): string | undefined;
  /** The extension that made an emergency call with a number that `isCalled`, for as long as help may call back. */
  emergencyCallBack(isCalled: (shownNumber: string) => boolean): string | undefined;
}

/** How somebody is shown to the other side. */
export interface ShownIdentity {
  /** As it is to be sent; undefined where there is none to show. */
  readonly number: string | undefined;
  readonly name: string | undefined;
  /** Withheld: `Privacy: id` and an anonymous From (RFC 3323, RFC 3325). */
  readonly isWithheld: boolean;
}

/** Why a call went on from a user, for Diversion and History-Info. */
export type DiversionReason =
  | 'unconditional'
  | 'user-busy'
  | 'no-answer'
  | 'unavailable'
  | 'do-not-disturb'
  | 'follow-me';

export interface Diversion {
  /** Number of the user who was called. */
  readonly from: string;
  readonly reason: DiversionReason;
}

/** One way out of the box. */
export interface LineAttempt {
  /** A key of `configuration.lines`. */
  readonly line: string;
  /** As it goes into the Request-URI of this line. */
  readonly number: string;
  readonly identity: ShownIdentity;
}

export interface EmergencyCall {
  /** The bare emergency number, without any prefix. */
  readonly number: string;
  /** Where help has to go; undefined where no location is configured. */
  readonly location: string | undefined;
  readonly address: string | undefined;
  /** For this long an incoming call to the number that was sent rings the extension that called. */
  readonly callBackSeconds: number;
  /** The extension that calls. */
  readonly extension: string;
  /** Users and hunt groups that are told at once. */
  readonly notify: readonly string[];
}

/** A call that leaves over one of these lines, tried in this order. */
export interface LineCall {
  /** At least one. */
  readonly attempts: readonly LineAttempt[];
  /** Then a line without a free channel drops its youngest other call, and media may go without SRTP where it is enforced. */
  readonly emergency?: EmergencyCall;
}

/** Which ring it is (Alert-Info). */
export type Alert = 'internal' | 'external' | 'ring-back' | 'emergency';

export type RingTarget =
  | {
      readonly kind: 'device';
      readonly extension: string;
      /** `DeviceState.id`. */
      readonly device: string;
      /** It has a call already: this one waits there. */
      readonly isWaiting: boolean;
      readonly delaySeconds: number;
      readonly isOtherPhone?: true;
      /** It is somebody else's, or is set not to answer by itself: `autoAnswer` of the ring is not for it. */
      readonly onlyRings?: true;
    }
  | {
      /** A twinned number outside. Voicemail of a mobile network that answers at once is not known as such. */
      readonly kind: 'line';
      readonly call: LineCall;
      readonly delaySeconds: number;
      /** The user whom the ring is for answers there himself: he said so (other-phone mode). */
      readonly isOtherPhone?: true;
    };

/**
 * How a ring can end without an answer. Of several targets that end differently: declined, then busy, then no answer,
 * then unreachable.
 */
export type RingOutcome = 'busy' | 'noAnswer' | 'unreachable' | 'declined';

/** Targets ring at once, each after its delay; the first that answers has the call. */
export interface RingStep {
  readonly kind: 'ring';
  /** Whom the caller reaches: the user, or the extension where it is nobody's. */
  readonly party: {
    readonly number: string;
    readonly name: string;
    /** For callers here, while it rings. */
    readonly absentText?: string;
  };
  /** At least one. */
  readonly targets: readonly RingTarget[];
  /** 0: until the caller gives up, who never waits longer than MAX_RING_SECONDS. */
  readonly noAnswerSeconds: number;
  readonly alert: Alert;
  /** The devices answer by themselves (Call-Info answer-after). */
  readonly autoAnswer: boolean;
  /** What the caller gets of a device that declines, 486 or 603, where no branch takes it. */
  readonly declineStatus: 486 | 603;
  /** Users whom the call was for before, the first one first. */
  readonly diversions: readonly Diversion[];
  /** Where there is none for an outcome the caller gets its status: 486, 480 (also for no answer), or declineStatus. */
  readonly after: Readonly<Partial<Record<RingOutcome, Step>>>;
}

/** A hunt group; group/ runs it and asks `planGroupMember` whom of a member to ring. */
export interface HuntStep {
  readonly kind: 'hunt';
  /** A key of `configuration.huntGroups`. */
  readonly group: string;
  readonly alert: Alert;
  readonly diversions: readonly Diversion[];
  /** noAnswer: the overflow time has passed; unreachable: nobody of it is there; busy: nobody is free and none may wait. */
  readonly after: Readonly<Partial<Record<'busy' | 'noAnswer' | 'unreachable', Step>>>;
}

export interface LineStep {
  readonly kind: 'line';
  readonly call: LineCall;
  readonly diversions: readonly Diversion[];
  /** Where no line could take the call; else the caller gets the last status. */
  readonly after: Readonly<Partial<Record<'unreachable', Step>>>;
}

export interface MailboxStep {
  readonly kind: 'mailbox';
  readonly purpose: 'leave' | 'collect';
  /** Whose: number of a user, or of a hunt group. */
  readonly mailbox: string;
  /** Which greeting fits. */
  readonly because: DiversionReason | 'dialled';
}

/** What a short code does for its user; run by call/feature/ and group/. */
export type Feature = Exclude<
  Configuration['shortCodes'][string]['feature'],
  'dial' | 'dial-3k1' | 'dial-emergency' | 'dial-extension' | 'speed-dial' | 'barred' | 'busy' | 'voicemail-collect'
>;

export interface FeatureStep {
  readonly kind: 'feature';
  readonly feature: Feature;
  /** The code's telephone number with what was dialled in it; empty where there is none. */
  readonly argument: string;
  /** Of whoever dialled; undefined on a device where nobody is logged in. */
  readonly user: string | undefined;
  readonly extension: string;
}

/** What the box calls a conference in its URI: nobody guesses it, and it is no number of anybody. */
export const CONFERENCE_NAME = /^conf[0-9a-f]{24}$/;

/** Whoever calls comes into a conference by a URI: that of the factory, or of one that there is. */
export interface ConferenceStep {
  readonly kind: 'conference';
  /** The user part of its URI; undefined: a new one. There may be none of that name. */
  readonly room: string | undefined;
  readonly user: string;
}

/** Stable names, for tests, logs and announcements. */
export type RefusalReason =
  | 'incomplete'
  | 'no-such-number'
  | 'barred'
  | 'not-logged-in'
  | 'feature-not-for-caller'
  | 'busy'
  | 'unreachable'
  | 'do-not-disturb'
  | 'forward-loop'
  | 'too-many-forwards'
  | 'no-route'
  | 'no-line-in-service'
  | 'trunk-to-trunk';

export interface RefuseStep {
  readonly kind: 'refuse';
  /** SIP status for the caller. */
  readonly status: 403 | 404 | 480 | 482 | 484 | 486 | 503 | 603;
  readonly reason: RefusalReason;
  /** In words, for the log; never sent to a stranger. */
  readonly why: string;
}

export type Step = RingStep | HuntStep | LineStep | MailboxStep | FeatureStep | ConferenceStep | RefuseStep;

/** One thing that was looked at, and what came of it. */
export interface Decision {
  readonly about:
    | 'dialled'
    | 'emergency'
    | 'dial-plan'
    | 'short-code'
    | 'number'
    | 'class-of-service'
    | 'route'
    | 'line'
    | 'identity'
    | 'user'
    | 'forward'
    | 'twinning'
    | 'hunt-group'
    | 'mailbox'
    | 'conference'
    | 'refusal';
  /** A plain sentence. */
  readonly text: string;
  /** In how many branches of the plan it lies: 0 is what happens at once, 1 what follows that, and so on. */
  readonly depth: number;
  readonly data?: Readonly<Record<string, string | number | boolean>>;
}

export interface Plan {
  readonly step: Step;
  /** In the order in which they were made. */
  readonly decisions: readonly Decision[];
  /** How the caller is shown to devices here. */
  readonly caller: ShownIdentity;
}

/** Forwards, follow-me and overflows of one call; the next one is refused (482). */
export const MAX_DIVERSIONS = 8;

/** A ring without a no-answer time ends after it: RFC 3261 §16.6 wants timer C beyond 3 minutes. */
export const MAX_RING_SECONDS = 180;

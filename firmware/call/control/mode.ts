/*
 * What a client that directs the telephony of its user may do, by its mode. Pure. A client chooses its mode for itself, and the mode
 * ends with its session.
 */

export const MODES = ['this-computer', 'desk-phone', 'other-phone', 'virtual-desktop'] as const;
/** Where the user speaks: at the client itself, his desk phone, a telephone whose number he names, or the client on the computer before him. */
export type Mode = (typeof MODES)[number];

/** What a client may ask of a call. */
export type Verb =
  | 'make'
  | 'cancel'
  | 'answer'
  | 'ignore'
  | 'hold'
  | 'retrieve'
  | 'drop'
  | 'transfer'
  | 'conference'
  | 'dtmf'
  | 'move'
  | 'mute'
  | 'unmute'
  | 'video'
  | 'add';

/** The client is a telephone itself then, and has no need of the box for these. */
const BY_ITSELF = 'in the mode this-computer the client is the telephone and does this itself';
const AUDIO_ELSEWHERE = 'the sound is at another device, whose microphone the box does not switch';
const NO_VIDEO = 'a call that is directed from elsewhere has no video';
const NO_DRAGGING =
  'nobody is dragged into a call that is directed from elsewhere: call him, then make a conference of both calls';
const BEYOND = 'the other phone is no device of the box: answer it there';

/** Each of the seeds' restrictions. What is left out is allowed. */
const FORBIDDEN: Readonly<Record<Mode, Readonly<Partial<Record<Verb, string>>>>> = {
  'this-computer': {
    make: BY_ITSELF,
    cancel: BY_ITSELF,
    answer: BY_ITSELF,
    ignore: BY_ITSELF,
    hold: BY_ITSELF,
    drop: BY_ITSELF,
    transfer: BY_ITSELF,
    conference: BY_ITSELF,
    dtmf: BY_ITSELF,
    mute: BY_ITSELF,
    unmute: BY_ITSELF,
    video: BY_ITSELF,
    add: BY_ITSELF,
  },
  'desk-phone': { mute: AUDIO_ELSEWHERE, unmute: AUDIO_ELSEWHERE, video: NO_VIDEO, add: NO_DRAGGING },
  'other-phone': { answer: BEYOND, mute: AUDIO_ELSEWHERE, unmute: AUDIO_ELSEWHERE, video: NO_VIDEO, add: NO_DRAGGING },
  'virtual-desktop': { mute: AUDIO_ELSEWHERE, unmute: AUDIO_ELSEWHERE, video: NO_VIDEO, add: NO_DRAGGING },
};

/** Why the mode forbids it; undefined where it does not. */
export function forbids(mode: Mode, verb: Verb): string | undefined {
  return FORBIDDEN[mode][verb];
}

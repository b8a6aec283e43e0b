import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';
import type { Leg } from '../leg/leg.ts';
import { KEY_PAUSE_MS, type KeyCommand, nextKey } from './conference-keys.ts';
import type { ConferenceRoom } from './conference-room.ts';
import { DONE, NOT_DONE } from './confirmation.ts';

/** Of a PIN that is set by keys, as of one that is configured. */
const MIN_PIN_DIGITS = 4;

/** What parties do with a conference by the keys of their telephones: what it is told is heard by three beeps, what not by four. */
export class ConferenceMenu {
  readonly #room: ConferenceRoom;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** By party, as long as a command is not complete: no more than there are parties. */
  readonly #pressed = new Map<Leg, { readonly keys: string; readonly timer: Timer }>();

  constructor(room: ConferenceRoom, clock: Clock, logger: Logger) {
    this.#room = room;
    this.#clock = clock;
    this.#logger = logger;
  }

  pressed(leg: Leg, digit: string): void {
    const before = this.#pressed.get(leg);
    this.forget(leg);
    const { pressed: keys, command } = nextKey(before?.keys ?? '', digit);
    if (keys !== '')
      this.#pressed.set(leg, { keys, timer: this.#clock.schedule(KEY_PAUSE_MS, () => this.forget(leg)) });
    if (command === undefined) return;
    const isDone = command !== 'unknown' && this.#obey(leg, command);
    if (!this.#room.isOver && this.#room.has(leg) && !(isDone && speaksForItself(command))) {
      this.#room.say(leg, isDone ? DONE : NOT_DONE);
    }
  }

  /** A party has left. */
  forget(leg: Leg): void {
    this.#pressed.get(leg)?.timer.cancel();
    this.#pressed.delete(leg);
  }

  #obey(leg: Leg, command: KeyCommand): boolean {
    const room = this.#room;
    if (command.kind === 'mute-self') {
      return room.mute(leg, !room.isMuted(leg));
    }
    const { user } = leg.party;
    if (user === undefined || user !== room.owner) return false;
    this.#logger.info({ user, room: room.name, command: command.kind }, 'a conference is told by keys');
    const others = room.members.map((member) => member.leg).filter(({ party }) => party.user !== room.owner);
    switch (command.kind) {
      case 'mute-others': {
        const isMuted = others.some((other) => !room.isMuted(other));
        for (const other of others) room.mute(other, isMuted);
        return others.length > 0;
      }
      case 'mute': {
        const meant = room.membersCalled(command.number).filter((each) => each !== leg);
        const isMuted = meant.some((other) => !room.isMuted(other));
        for (const other of meant) room.mute(other, isMuted);
        return meant.length > 0;
      }
      case 'drop-last': {
        const last = others.at(-1);
        if (last !== undefined) room.drop(last);
        return last !== undefined;
      }
      case 'drop': {
        const meant = room.membersCalled(command.number).filter((each) => each !== leg);
        for (const other of meant) room.drop(other);
        return meant.length > 0;
      }
      case 'set-pin':
        if (command.pin !== '' && command.pin.length < MIN_PIN_DIGITS) return false;
        room.pin = command.pin === '' ? undefined : command.pin;
        return true;
      case 'end-with-owner':
        room.endsWithOwner = !room.endsWithOwner;
        return true;
      case 'end':
        room.end();
        return true;
    }
  }
}

/** Whoever is muted hears it said. */
function speaksForItself(command: KeyCommand | 'unknown'): boolean {
  return command !== 'unknown' && command.kind === 'mute-self';
}

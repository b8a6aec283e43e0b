import type { PressedDigit } from './info-digits.ts';
import type { Leg } from './leg.ts';

/** What a leg in conversation asks of its bridge. */
export interface Conversation {
  other(leg: Leg): Leg;
  /** Media go past the box. */
  readonly isDirect: boolean;
  /** The party has agreed on something else. */
  changed(leg: Leg): void;
  /** The party has the box's own address in our answer, wherever its media went before. */
  brokeOut(leg: Leg): void;
  /** Nothing stands in the way of media past the box any more, perhaps. */
  consider(): void;
  /** The party's media are not where they were agreed to be. */
  returnToBox(): void;
  pressed(leg: Leg, digit: PressedDigit, how: 'media' | 'info'): void;
}

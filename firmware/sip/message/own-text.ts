/**
 * A copy of a piece of a message that stands for itself: a piece that was cut from a longer text would hold all of that text
 * for as long as it is kept.
 */
export function ownText(piece: string): string {
  // What is put together here is not joined until it is cut, and then into a text of its own.
  return ` ${piece}`.slice(1);
}

/**
 * Reads something at most once in each turn of the event loop. What came in together is answered by one reading, which
 * is no older than any of it: who learns of a change asks in a later turn.
 */
export function oncePerTurn<T>(read: () => T): () => T {
  let kept: { readonly value: T } | undefined;
  return () => {
    if (kept === undefined) {
      kept = { value: read() };
      setImmediate(() => {
        kept = undefined;
      });
    }
    return kept.value;
  };
}

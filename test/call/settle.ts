export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** As many turns as any chain of promises here needs. */
export async function settle(): Promise<void> {
  for (let count = 0; count < 12; count += 1) await turn();
}

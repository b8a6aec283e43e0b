/** Users whose calls go to another telephone, as long as a client of theirs says so. */
export class OtherPhones {
  /** By user; of several clients the one that said it last counts. */
  readonly #numbers = new Map<string, Map<object, string>>();

  /** `client` says where the user is; it has to say when that is over. */
  set(user: string, client: object, number: string): void {
    this.delete(user, client);
    const ofUser = this.#numbers.get(user) ?? new Map<object, string>();
    this.#numbers.set(user, ofUser.set(client, number));
  }

  /** Idempotent. */
  delete(user: string, client: object): void {
    const ofUser = this.#numbers.get(user);
    ofUser?.delete(client);
    if (ofUser?.size === 0) this.#numbers.delete(user);
  }

  /** As the user dials it; undefined where he is at his devices. */
  of(user: string): string | undefined {
    return [...(this.#numbers.get(user)?.values() ?? [])].at(-1);
  }
}

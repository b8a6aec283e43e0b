import type { Command } from '../protocol.ts';
import type { Addon } from './addon.ts';

export type ConferenceCommand = Extract<Command, { readonly conference: number }>;

/** The open conferences by the ids that the runtime gave them. */
export class Conferences {
  readonly #addon: Addon;
  readonly #handles = new Map<number, number>();

  constructor(addon: Addon) {
    this.#addon = addon;
  }

  /** `handleOf` a session is undefined when it is not open. False: the session that the command is about is not open. */
  execute(command: ConferenceCommand, handleOf: (session: number) => number | undefined): boolean {
    const handle = this.#handles.get(command.conference);
    if (command.method === 'createConference') {
      if (handle === undefined) this.#handles.set(command.conference, this.#addon.createConference(command));
      return true;
    }
    if (command.method === 'closeConference') {
      this.#handles.delete(command.conference);
      if (handle !== undefined) this.#addon.closeConference(handle);
      return true;
    }
    if (handle === undefined) throw new Error(`media conference ${command.conference} is not open`);
    const session = handleOf(command.session);
    switch (command.method) {
      case 'joinConference': {
        if (session === undefined || !this.#addon.joinConference(handle, session, command.leg, command)) return false;
        // Whoever was in already.
        this.#addon.setParty(handle, session, command.leg, command);
        return true;
      }
      case 'leaveConference':
        if (session !== undefined) this.#addon.leaveConference(handle, session, command.leg);
        return true;
      case 'setParty':
        if (session !== undefined) this.#addon.setParty(handle, session, command.leg, command);
        return session !== undefined;
    }
  }
}

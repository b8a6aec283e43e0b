import { AbandonedHolds } from '../../../firmware/call/control/abandoned-holds.ts';
import { OtherPhones } from '../../../firmware/call/control/other-phones.ts';
import { PhonesCalledAnew } from '../../../firmware/call/control/phones-called-anew.ts';
import { createLogger, SourceLog } from '../../../firmware/core/logger.ts';
import type { ClientLogin, LoginProof } from '../../../firmware/registrar/client-login.ts';
import { type ControlChannel, ControlSession } from '../../../firmware/web/control/control-session.ts';
import { UserWatch } from '../../../firmware/web/control/user-watch.ts';
import type { SipOffice } from '../../call/feature/sip-office.ts';
import type { Told } from './test-client.ts';

/** Stands for the proof of any password: the digest itself has tests of its own. */
const PASSWORD = 'rightright';

/** A client of a SipOffice without a socket of its own. */
export class OfficeClient implements ControlChannel {
  readonly localAddress = '127.0.0.1';
  readonly localPort = 443;
  readonly remoteAddress = '127.0.0.1';
  readonly remotePort = 40_000;
  readonly told: Told[] = [];
  readonly session: ControlSession;
  readonly #office: SipOffice;
  closedWith: number | undefined;
  #id = 0;

  /** What clients of one office share is given where they have to. */
  constructor(
    office: SipOffice,
    otherPhones = new OtherPhones(),
    calledAnew = new PhonesCalledAnew(),
    holds = holdsIn(office),
  ) {
    this.#office = office;
    const { calls, features, presences, clock } = office;
    calls.state.otherPhoneOf = (user) => otherPhones.of(user);
    const login = {
      realm: 'ringdown',
      challenge: () => 'abcdef',
      login: ({ cnonce }: LoginProof) => ({ kind: cnonce === PASSWORD ? 'ok' : 'rejected' }),
    } as unknown as ClientLogin;
    const logger = createLogger('info', { write: (line) => office.log.push(line) });
    this.session = new ControlSession(this, {
      calls,
      transfers: features.transfers,
      conferences: features.conferences,
      otherPhones,
      calledAnew,
      holds,
      configuration: () => office.configuration,
      login,
      presences,
      users: new UserWatch({ presences, configuration: () => office.configuration, clock }),
      userOf: (extension) => office.configuration.extensions[extension]?.user,
      admits: () => true,
      clock,
      logger,
      sourceLog: new SourceLog(logger, clock),
    });
    const callsChanged = (user: string): void => {
      if (user === this.session.user) this.session.callsChanged();
    };
    presences.onLegs(callsChanged);
    calledAnew.onOver(callsChanged);
  }

  send(text: string): void {
    this.told.push(JSON.parse(text) as Told);
  }

  close(code: number): void {
    this.closedWith = code;
  }

  /** Begins a request; its id. */
  begin(verb: string, fields: object = {}): number {
    this.#id += 1;
    this.session.receive(JSON.stringify({ id: this.#id, verb, ...fields }));
    return this.#id;
  }

  async answerTo(id: number): Promise<Told> {
    await this.#office.until(() => this.told.some((each) => each.id === id), `the answer to request ${id}`);
    return this.told.find((each) => each.id === id) ?? {};
  }

  ask(verb: string, fields: object = {}): Promise<Told> {
    return this.answerTo(this.begin(verb, fields));
  }

  /** Of any extension. */
  get proof() {
    return { nonce: 'abcdef', cnonce: PASSWORD, response: '0'.repeat(64) };
  }

  async login(extension: string, mode?: string, fields: object = {}): Promise<this> {
    await this.ask('login', { extension, ...this.proof });
    if (mode !== undefined) await this.ask('mode', { mode, ...fields });
    return this;
  }

  /** The newest of a call in that state. */
  async sees(state: string): Promise<Told & { readonly call: string }> {
    const isIt = (each: Told): boolean => each.event === 'call' && each.state === state;
    await this.#office.until(() => this.told.some(isIt), `a call that is ${state}`);
    return this.told.findLast(isIt) as Told & { readonly call: string };
  }
}

export function holdsIn({ calls, clock }: SipOffice): AbandonedHolds {
  return new AbandonedHolds({ calls, clock, logger: createLogger('silent') });
}

/** It was told that the call is over. */
export function hasEnded(client: OfficeClient, call: string): boolean {
  return client.told.some((each) => each.event === 'ended' && each.call === call);
}

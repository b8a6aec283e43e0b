import type { Flow, HeaderField, IncomingInvite, InviteSession } from '../../sip/stack.ts';
import { Leg, type LegOptions } from './leg.ts';
import type { LegParty } from './leg-party.ts';
import type { Refusal } from './negotiation.ts';
import type { RefusedParty } from './waiting.ts';

export interface IncomingLegOptions extends Omit<LegOptions, 'localAddress' | 'flow'> {
  readonly invite: IncomingInvite;
  /** Told once the box has answered. */
  readonly onAccepted?: () => void;
}

/** The leg of somebody who called the box. */
export class IncomingLeg extends Leg {
  readonly invite: IncomingInvite;
  /** What `prepare` has agreed on, for the 200. */
  #description: string | undefined;
  readonly #onAccepted: (() => void) | undefined;

  constructor(options: IncomingLegOptions) {
    super({ ...options, localAddress: options.invite.flow.localAddress, flow: options.invite.flow });
    const { invite } = options;
    this.invite = invite;
    this.#onAccepted = options.onAccepted;
    this.device.meet(invite.message.headers);
    this.media.digits.meet(invite.message.headers, (body, contentType) =>
      invite.request('INFO', { body, contentType }),
    );
    invite.handlers = {
      ...this.sessionHandlers(),
      onCancel: (reason) => this.ended({ cause: 'cancelled', ...(reason === undefined ? {} : { reason }) }),
    };
  }

  protected get session(): InviteSession {
    return this.invite;
  }

  get flow(): Flow {
    return this.invite.flow;
  }

  /** Reads the offer of the INVITE, where it has one. To be called before the leg waits for anybody. */
  readInvite(): Refusal | undefined {
    return this.invite.offer === undefined ? undefined : this.media.receiveInvite(this.invite.offer);
  }

  override ring(headers: readonly HeaderField[] = []): void {
    if (this.isUp) super.ring();
    else this.invite.provisional(180, headers.length === 0 ? {} : { headers });
  }

  override async progress(from: Leg): Promise<boolean> {
    if (this.isUp) return super.progress(from);
    const answer = this.media.hasOffer ? await this.agree(() => this.media.answerInvite(from.media.speech)) : undefined;
    if (this.isEnded) return false;
    if (answer === undefined || 'status' in answer) return false;
    this.invite.provisional(183, { sdp: answer.sdp, reliable: true });
    return true;
  }

  override async prepare(other?: Leg, isJoined = false): Promise<Refusal | undefined> {
    if (this.isUp) return super.prepare(other);
    this.media.watch(true);
    const answer = await this.agree(() => this.media.answerInvite(other?.media.speech, isJoined));
    if ('status' in answer) return answer;
    this.#description = answer.sdp;
    return undefined;
  }

  override accept(other?: LegParty): boolean {
    if (this.isUp) return super.accept(other);
    if (this.#description === undefined || this.isEnded) return false;
    const headers = other === undefined ? [] : this.shownAs(other);
    if (!this.invite.accept({ sdp: this.#description, headers })) return false;
    this.connectedLine.note(headers);
    this.acceptedByUs();
    this.#onAccepted?.();
    return true;
  }

  override reject(refused: RefusedParty): Promise<void> {
    if (this.isUp) return super.reject(refused);
    const { status, refusal, warning, reason } = refused;
    this.owner = {};
    const headers: HeaderField[] = [
      ...(refusal === undefined ? [] : this.warningHeaders(refusal)),
      ...(warning === undefined ? [] : this.warningHeaders({ warningCode: 399, why: warning })),
      ...(reason === undefined ? [] : [['Reason', reason] as const]),
    ];
    this.invite.reject(status, { headers });
    this.close();
    return Promise.resolve();
  }

  protected override hangUp(reason: string | undefined, status = 480): void {
    if (this.isUp) super.hangUp(reason);
    else this.invite.reject(status, reason === undefined ? {} : { headers: [['Reason', reason]] });
  }
}

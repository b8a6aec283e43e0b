import type { Timer } from '../../core/clock.ts';
import { RingdownError } from '../../core/errors.ts';
import { contactHeader, type LocalContact } from '../dialog/contact-header.ts';
import type { Dialog } from '../dialog/dialog.ts';
import { ChallengeAnswers, type CredentialsFor } from '../digest-client.ts';
import type { HeaderField } from '../message/headers.ts';
import { newTag } from '../message/identifier.ts';
import type { SipMessage } from '../message/message.ts';
import type { SipRequest } from '../message/request.ts';
import { createResponse, type SipResponse } from '../message/response.ts';
import { T1_MS } from '../transaction/timers.ts';
import type { Flow } from '../transport/flow.ts';
import { type Context, capabilityHeaders } from './context.ts';
import { lists } from './session-interval.ts';
import { wayInDialog } from './way.ts';

/** A request in a session that has a provisional response is given up after this; a re-INVITE rings nobody. */
const PROCEEDING_MS = 2 * 64 * T1_MS;

export interface SessionDialogOptions {
  readonly context: Context;
  readonly dialog: Dialog;
  readonly flow: Flow;
  readonly staysOnFlow: boolean;
  /** The header value of From or To that names us. */
  readonly localParty: string;
  readonly secure: boolean;
  readonly credentials: CredentialsFor | undefined;
}

/** What a request in a dialog came to. `answered`: the peer said it, rather than the lack of an answer or of a way. */
export interface DialogAnswer {
  readonly response: SipResponse;
  readonly answered: boolean;
  /** Those that the request had in the end. */
  readonly credentials: readonly HeaderField[];
}

/** A dialog of a session with the way to its peer: sends requests in it. */
export class SessionDialog {
  readonly dialog: Dialog;
  readonly context: Context;
  /** The latest descriptions, for a refresh that changes nothing. */
  localSdp: string | undefined;
  remoteSdp: string | undefined;
  /** In place of the called party, from the next message on. */
  contact: LocalContact | undefined;
  /** By which the last request came that was no target refresh. */
  flow: Flow;
  readonly #options: SessionDialogOptions;
  #peerTakesUpdate = false;

  constructor(options: SessionDialogOptions) {
    this.#options = options;
    this.dialog = options.dialog;
    this.context = options.context;
    this.flow = options.flow;
  }

  /** The peer has said that it takes UPDATE (RFC 3311 §4). */
  get peerTakesUpdate(): boolean {
    return this.#peerTakesUpdate;
  }

  /** Remembers what the peer says of itself. */
  learn(message: SipMessage): void {
    if (message.headers.has('Allow')) this.#peerTakesUpdate = lists(message, 'Allow', 'update');
  }

  /** Contact, Allow and Supported: for what moves the remote target. */
  targetHeaders(flow: Flow = this.flow): readonly HeaderField[] {
    const { localParty, secure } = this.#options;
    const { sentBy, capabilities } = this.context;
    return [contactHeader(sentBy, flow, localParty, secure, this.contact), ...capabilityHeaders(capabilities)];
  }

  /** Rejects with SIP_NO_ROUTE. */
  way(): Promise<Flow> {
    return wayInDialog(this.flow, this.dialog.nextHop, this.#options.staysOnFlow, this.context.connector);
  }

  /**
   * Sends a request and answers challenges where there are credentials. Never rejects: 408 and 503 stand for no answer
   * and no way. `onAgain` is called for each further 2xx to an INVITE.
   */
  async request(
    method: string,
    content: { readonly headers?: readonly HeaderField[]; readonly body?: string; readonly contentType?: string } = {},
    onAgain: (response: SipResponse) => void = () => undefined,
  ): Promise<DialogAnswer> {
    const answers = new ChallengeAnswers(this.#options.credentials ?? (() => undefined));
    let more: readonly HeaderField[] = [];
    for (;;) {
      const headers: HeaderField[] = [
        ['User-Agent', this.context.capabilities.userAgent],
        ...(content.headers ?? []),
        ...more,
        ...(content.contentType === undefined ? [] : [['Content-Type', content.contentType] as const]),
      ];
      const body = content.body === undefined ? {} : { body: Buffer.from(content.body, 'utf8') };
      const { request, answer } = await this.#send(method, { headers, ...body }, onAgain);
      const again = answers.answer(request, answer.response);
      if (again === undefined) return { ...answer, credentials: more };
      more = again;
    }
  }

  async #send(
    method: string,
    content: { readonly headers: readonly HeaderField[]; readonly body?: Buffer },
    onAgain: (response: SipResponse) => void,
  ): Promise<{ readonly request: SipRequest; readonly answer: Omit<DialogAnswer, 'credentials'> }> {
    const { context, dialog } = this;
    let flow: Flow;
    try {
      flow = await this.way();
    } catch (error) {
      const request = dialog.request(method, content);
      const reason = error instanceof RingdownError ? { reason: error.message } : {};
      return { request, answer: { response: createResponse(request, 503, newTag(), reason), answered: false } };
    }
    const request = dialog.request(method, content);
    const answer = await new Promise<Omit<DialogAnswer, 'credentials'>>((resolve) => {
      let isFinal = false;
      let patience: Timer | undefined;
      const transaction = context.transactions.request(request, flow, {
        onResponse: (response) => {
          if (response.status < 200) {
            patience ??= context.clock.schedule(PROCEEDING_MS, () => {
              transaction.terminate();
              resolve({ response: createResponse(request, 408, newTag()), answered: false });
            });
          } else if (isFinal) {
            onAgain(response);
          } else {
            isFinal = true;
            patience?.cancel();
            resolve({ response, answered: true });
          }
        },
        onFailed: (cause) => {
          patience?.cancel();
          const response = createResponse(request, cause === 'timeout' ? 408 : 503, newTag());
          resolve({ response, answered: false });
        },
      });
    });
    return { request, answer };
  }
}

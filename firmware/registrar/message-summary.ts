import type { Authorization, EventPackage, IncomingRequest } from '../sip/stack.ts';

/** What is in a mailbox. */
export interface Mailbox {
  readonly newMessages: number;
  readonly oldMessages: number;
}

export interface MessageSummaryOptions {
  readonly authorize: (request: IncomingRequest) => Authorization;
  /** Undefined where the extension has no mailbox: nothing waits in it. */
  readonly mailbox: (extension: string) => Mailbox | undefined;
  /** The host of an address of record, as a URI has it. */
  readonly domain: () => string;
}

const EMPTY: Mailbox = { newMessages: 0, oldMessages: 0 };

/** The event package `message-summary` (RFC 3842): the lamp of the mailbox. */
export function messageSummary({ authorize, mailbox, domain }: MessageSummaryOptions): EventPackage {
  return {
    event: 'message-summary',
    contentType: 'application/simple-message-summary',
    defaultExpiresSeconds: 3600,
    minExpiresSeconds: 60,
    maxExpiresSeconds: 86_400,
    authorize,
    state: (extension) => {
      const { newMessages, oldMessages } = mailbox(extension) ?? EMPTY;
      return [
        `Messages-Waiting: ${newMessages > 0 ? 'yes' : 'no'}`,
        `Message-Account: sip:${extension}@${domain()}`,
        `Voice-Message: ${newMessages}/${oldMessages} (0/0)`,
        '',
      ].join('\r\n');
    },
  };
}

/** Somebody's words in a mailbox. */
export interface VoiceMessage {
  /** Lower-case letters and digits; names its file too. */
  readonly id: string;
  /** The number of whose mailbox it is. */
  readonly user: string;
  /** Empty where the caller is not known, or does not want to be. */
  readonly callerNumber: string;
  readonly callerName: string;
  /** Milliseconds since the Unix epoch. */
  readonly receivedAtMs: number;
  readonly durationMs: number;
  readonly sizeBytes: number;
  /** Heard to its end, or saved. */
  readonly isOld: boolean;
}

export interface MailboxCounts {
  readonly newMessages: number;
  readonly oldMessages: number;
}

/** What may be kept, as configured now. */
export interface MailboxLimits {
  readonly totalMinutes: number;
  readonly userMinutes: number;
  readonly messageSeconds: number;
  /** 0: until somebody deletes them. */
  readonly messageDays: number;
  readonly keepFreeMegabytes: number;
}

/** A file that is being recorded: no message yet. */
export interface Draft {
  readonly user: string;
  readonly id: string;
  readonly folder: string;
  /** The file in it. */
  readonly name: string;
  /** How long it may become. */
  readonly maxMs: number;
  readonly maxBytes: number;
  readonly maxFolderBytes: number;
  readonly keepFreeBytes: number;
}

/** Under which name the media worker plays a file of a mailbox. */
export function mailboxSound(user: string, id: string): string {
  return `mailbox/${user}/${id}`;
}

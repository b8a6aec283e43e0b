/** What is known of whoever asks for a phone file. */
export interface PhoneFileRequest {
  /** The name asked for, without the slash: `46xxsettings.txt`. */
  readonly name: string;
  /** The address of ours by which it asked, as it is to stand in the file: IPv4 or IPv6, no brackets, no zone. */
  readonly localAddress: string;
  /** The LAN that the address belongs to; undefined where it is on neither. */
  readonly lan: 'lan1' | 'lan2' | undefined;
  readonly remoteAddress: string;
  readonly isSecure: boolean;
  /** Bounded by the server; empty where it sent none. */
  readonly userAgent: string;
}

/** One file as it is at the moment of the request. */
export interface PhoneFile {
  readonly contentType: string;
  readonly body: string | Buffer;
  readonly origin: 'generated' | 'static';
  /** For the log of requests: which rule made it, such as `generated for LAN1, IPv4`. */
  readonly why: string;
}

/** Undefined: there is no such file for whoever asks. */
export type MakePhoneFile = (request: PhoneFileRequest) => PhoneFile | undefined;

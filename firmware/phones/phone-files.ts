import type { Configuration } from '../config/schema/configuration.ts';
import { ROOT_CERTIFICATE_FILE_NAME, renderSettings, SETTINGS_FILE_NAME } from './settings-file.ts';
import type { RunningBox } from './settings-input.ts';

/** One file as it is at the moment of the request. */
export interface PhoneFile {
  readonly contentType: string;
  readonly body: string;
}

export interface PhoneFilesOptions {
  /** Read at each request, so that a file is never older than the configuration. */
  readonly configuration: () => Configuration;
  /** Asked at each request too. */
  readonly box: () => RunningBox;
  /** The authority's certificate, PEM; undefined or empty while the box has none. */
  readonly rootCertificate: () => string | undefined;
}

/** `localAddress` is the address of ours by which the client asked, as it is to stand in the file. Undefined: there is none now. */
export type MakePhoneFile = (localAddress: string) => PhoneFile | undefined;

/** Every file that the box makes for phones, by its path. */
export function phoneFiles(options: PhoneFilesOptions): ReadonlyMap<string, MakePhoneFile> {
  return new Map<string, MakePhoneFile>([
    [
      `/${SETTINGS_FILE_NAME}`,
      (address) => ({
        contentType: 'text/plain; charset=us-ascii',
        body: renderSettings({ ...options.box(), system: options.configuration().system, address }),
      }),
    ],
    [
      `/${ROOT_CERTIFICATE_FILE_NAME}`,
      () => {
        const body = options.rootCertificate() ?? '';
        return body === '' ? undefined : { contentType: 'application/x-pem-file', body };
      },
    ],
  ]);
}

import { ROOT_CERTIFICATE_FILE_NAME } from './file-names.ts';

/**
 * How phones and clients name themselves over HTTP. The first three rows are the ones that installers know from the
 * original box, where they begin the text; desk phones say so further back, as in
 * `Mozilla/4.0 (compatible; MSIE 6.0) AVAYA/J179-4.1.3.0.6 (MAC:c81fea83e85a)`. A user agent is no proof of anything:
 * this keeps the curious out, and no secret may depend on it.
 */
export const PHONE_HTTP_CLIENTS: readonly { readonly client: string; readonly pattern: RegExp }[] = [
  { client: 'any that begins with the maker', pattern: /^Avaya/ },
  { client: 'J100', pattern: /^Avaya J1/ },
  { client: 'Workplace', pattern: /^Avaya Communicator/ },
  { client: 'J100 as a browser', pattern: /\bAVAYA\/J1[0-9]{2}/ },
  { client: 'K100', pattern: /\bAVAYA\/K1[0-9]{2}/ },
  { client: '11x0 and 12x0', pattern: /\bAVAYA\/SIP1[12][0-9x]0/ },
  { client: '16xx', pattern: /\bAVAYA\/16[0-9x]{2}/ },
  { client: '96xx and 96x1', pattern: /\bAVAYA\/96[0-9x]{2}/ },
];

/**
 * With "Avaya HTTP clients only": whether whoever names itself so gets a file of this name. The authority's certificate
 * is for everybody: it is no secret, and the stores of operating systems, which the clients on a computer look into, are
 * filled with a browser.
 */
export function isForPhones(userAgent: string, name: string): boolean {
  return name === ROOT_CERTIFICATE_FILE_NAME || PHONE_HTTP_CLIENTS.some(({ pattern }) => pattern.test(userAgent));
}

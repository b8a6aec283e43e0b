import { isIPv6 } from 'node:net';
import { isRemoteClient } from '../config/remote-client.ts';
import type { Profile } from '../config/schema/user.ts';
import {
  BRANCH_SETTINGS_FILE_NAME,
  ROOT_CERTIFICATE_FILE_NAME,
  SETTINGS_FILE_NAME,
  SPECIALS_FILE_NAME,
  UPGRADE_FILE_NAMES,
} from './file-names.ts';
import { isWorkplaceUserAgent } from './models.ts';
import type { MakePhoneFile, PhoneFile, PhoneFileRequest } from './phone-file.ts';
import { renderSettings } from './settings-file.ts';
import type { AskingClient, PhoneConfiguration, RunningBox } from './settings-input.ts';
import { renderBranchSettings, renderSpecials, renderUpgrade } from './specials-file.ts';

export interface GeneratedPhoneFilesOptions {
  /** Read at each request, so that a file is never older than the configuration. */
  readonly configuration: () => PhoneConfiguration;
  /** Asked at each request too. */
  readonly box: () => RunningBox;
  /** The authority's certificate, PEM; undefined or empty while the box has none. */
  readonly rootCertificate: () => string | undefined;
  /** The profile of the user that a request proved to come from; left out: nobody proves anything. */
  readonly profile?: (request: PhoneFileRequest) => Profile | undefined;
}

const TEXT = 'text/plain; charset=us-ascii';

type Make = (request: PhoneFileRequest, options: GeneratedPhoneFilesOptions) => PhoneFile | undefined;

const MAKERS: ReadonlyMap<string, Make> = new Map<string, Make>([
  [SETTINGS_FILE_NAME, makeSettings],
  [SPECIALS_FILE_NAME, (request, { box }) => text(renderSpecials(header(request, box())), 'skeleton: none uploaded')],
  [
    BRANCH_SETTINGS_FILE_NAME,
    (request, { box }) => text(renderBranchSettings(header(request, box())), 'empty: none uploaded'),
  ],
  ...UPGRADE_FILE_NAMES.map((name): readonly [string, Make] => [
    name,
    (request, { box }) => text(renderUpgrade(header(request, box())), 'leads on to the settings: none uploaded'),
  ]),
  [ROOT_CERTIFICATE_FILE_NAME, makeRootCertificate],
]);

/** The names of all files that the box makes for phones. */
export const GENERATED_FILE_NAMES: readonly string[] = [...MAKERS.keys()];

/** The files that the box makes for phones, each at the moment of its request. */
export function generatedPhoneFiles(options: GeneratedPhoneFilesOptions): MakePhoneFile {
  return (request) => MAKERS.get(request.name)?.(request, options);
}

function makeSettings(request: PhoneFileRequest, options: GeneratedPhoneFilesOptions): PhoneFile {
  const configuration = options.configuration();
  const client: AskingClient = {
    address: request.localAddress,
    lan: request.lan,
    isRemote: isRemoteClient(request.remoteAddress, configuration),
    userAgent: request.userAgent,
    profile: options.profile?.(request),
  };
  return text(renderSettings({ ...options.box(), configuration, client }), describe(client));
}

function makeRootCertificate(_request: PhoneFileRequest, options: GeneratedPhoneFilesOptions): PhoneFile | undefined {
  const body = options.rootCertificate() ?? '';
  if (body === '') return undefined;
  return { contentType: 'application/x-pem-file', body, origin: 'generated', why: 'the authority of this box' };
}

/** Such as `generated for LAN1, IPv4, Workplace`. */
function describe({ lan, address, isRemote, userAgent, profile }: AskingClient): string {
  const parts = [
    lan === undefined ? 'no LAN' : lan.toUpperCase(),
    isIPv6(address) ? 'IPv6' : 'IPv4',
    ...(isRemote ? ['remote client'] : []),
    isWorkplaceUserAgent(userAgent) ? 'Workplace' : 'every model',
    ...(profile === undefined ? [] : [`profile ${profile}`]),
  ];
  return `for ${parts.join(', ')}`;
}

function text(body: string, why: string): PhoneFile {
  return { contentType: TEXT, body, origin: 'generated', why: `generated ${why}` };
}

function header({ localAddress }: PhoneFileRequest, { version }: RunningBox) {
  return { version, address: localAddress };
}

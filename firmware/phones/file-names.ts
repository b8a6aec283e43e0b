/** The name under which every client asks for it. */
export const SETTINGS_FILE_NAME = '46xxsettings.txt';
/** What an office adds or changes by hand; read after the generated file. */
export const SPECIALS_FILE_NAME = '46xxspecials.txt';
/** Read by the group of branch phones before the specials. */
export const BRANCH_SETTINGS_FILE_NAME = '46xxBranchsettings.txt';
/** The authority's certificate, fetched by the name that TRUSTCERTS gives. */
export const ROOT_CERTIFICATE_FILE_NAME = 'WebRootCA.pem';
/** What phones ask for first, to learn of firmware. */
export const UPGRADE_FILE_NAMES = [
  '46xxupgrade.txt',
  '96x1Supgrade.txt',
  'J100Supgrade.txt',
  'K1xxSupgrade.txt',
] as const;

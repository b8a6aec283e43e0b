/*
 * The clients by what they call themselves in $MODEL4. J100 compares exactly, so the case counts.
 */

/** Workplace by platform: Android, iOS, macOS, Windows. */
export const WORKPLACE_MODELS = ['aca', 'aci', 'acm', 'acw'] as const;
export const J100_MODELS = ['J129', 'J139', 'J159', 'J169', 'J179', 'J189'] as const;
/** Vantage. */
export const K100_MODELS = ['K155', 'K165', 'K175'] as const;
/** 96x1: they speak SIP or H.323, and say which in $SIG_IN_USE. */
export const MODELS_96X1 = ['9608', '9611', '9621', '9641'] as const;
/** They speak H.323 alone. */
export const MODELS_16XX = ['1603', '1608', '1616'] as const;
/** Also H.323 alone; only a specials file tells them anything. */
export const MODELS_96XX = ['9620', '9630', '9640', '9650'] as const;

/** Every model that 46xxsettings.txt has a section for. */
export const MODELS = [...WORKPLACE_MODELS, ...J100_MODELS, ...K100_MODELS, ...MODELS_96X1, ...MODELS_16XX] as const;
export type Model = (typeof MODELS)[number];

/** Whether a User-Agent is that of Workplace, which was called Communicator and Equinox before. */
export function isWorkplaceUserAgent(userAgent: string): boolean {
  return /^Avaya (?:Communicator|Equinox|Workplace)\b/.test(userAgent);
}

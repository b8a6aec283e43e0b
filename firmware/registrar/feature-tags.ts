import { formatParams, type Params } from '../sip/stack.ts';

/** RFC 3840 §9: the feature tags that stand without a leading plus. */
const BASE_TAGS = new Set([
  'actor',
  'application',
  'audio',
  'automata',
  'class',
  'control',
  'data',
  'description',
  'duplex',
  'events',
  'extensions',
  'isfocus',
  'language',
  'methods',
  'mobility',
  'priority',
  'schemes',
  'text',
  'type',
  'video',
]);
/** Of no use to keep more: it is answered in every 200. */
const MAX_LENGTH = 512;

/** The feature tags of a Contact as parameters, `;audio;mobility="mobile"`; what is left out is too long. */
export function featureTags(params: Params): string {
  const tags = params.filter(([name]) => BASE_TAGS.has(name) || (name.startsWith('+') && name !== '+sip.instance'));
  let text = '';
  for (const tag of tags) {
    const one = formatParams([tag]);
    if (text.length + one.length <= MAX_LENGTH) text += one;
  }
  return text;
}

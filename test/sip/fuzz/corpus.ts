import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const sip = join(import.meta.dirname, '..', 'fixtures');
const sdp = join(import.meta.dirname, '..', '..', 'sdp', 'fixtures');

/** Whole messages: the torture messages, those of the parser's own tests, and inputs that once showed a fault. */
export function messages(): readonly Buffer[] {
  const folders = ['rfc4475', 'rfc5118', 'invalid', 'garbage', 'fuzz/parser', 'fuzz/framer'];
  // What is right in the beginning gets further in when something in it changes.
  for (let times = 0; times < 4; times += 1) folders.push('valid', 'fuzz/parser');
  return folders.flatMap((folder) => filesOf(join(sip, folder)));
}

/** Session descriptions: the fixtures of their tests, the bodies of messages, and inputs that once showed a fault. */
export function descriptions(): readonly Buffer[] {
  const bodies = messages()
    .map((bytes) => bytes.subarray(bytes.indexOf('\r\n\r\n') + 4))
    .filter((body) => body.includes('v=0'));
  return [...filesOf(sdp), ...filesOf(join(sip, 'fuzz/sdp')), ...bodies];
}

function filesOf(folder: string): Buffer[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /\.(dat|sdp)$/.test(name))
    .sort()
    .map((name) => readFileSync(join(folder, name)));
}

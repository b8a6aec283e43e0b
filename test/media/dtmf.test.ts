import t from 'tap';
import { buildNativeChecks } from '../support/native-checks.ts';
import { outputOf } from '../support/process-output.ts';
import { repositoryPath } from '../support/repository.ts';

const check = `${repositoryPath}/build/native/x64/media-check`;
/** Ten sentences of an office, digits and dates among them, over and over. */
const TEXT = `
Good morning, this is the front desk, how may I help you? Please hold the line, I will see whether she is free.
His extension is two four seven, and the code of the door is nine, nine, one, six, star, zero, hash.
We could meet on the seventeenth of February at a quarter past three; the other room is taken until five.
Oh yes, I see. No, no, no. Hmm. Well, well! He, she, we, they, oui, ja, si, nine, nein, you, who, me, ooh, ah, eeh.
The invoice over one thousand six hundred and thirty-three euros was paid, but nobody told the bookkeeping of it.
Beep, beep, beep, said the machine, and then it whistled: wheeeee, woooo, weeee, until somebody pulled its plug.
`;

t.before(buildNativeChecks);

for (const voice of ['en-us', 'en-gb+f3', 'de', 'fr+f2', 'es+f4', 'en+m7']) {
  t.test(`speech is no digit: ${voice}`, async (t) => {
    const wav = await outputOf('espeak-ng', ['-v', voice, '-s', '150', '--stdout', TEXT.repeat(3)]);
    const raw = ['-ar', '8000', '-ac', '1', '-f', 's16le', 'pipe:1'];
    const pcm = await outputOf('ffmpeg', ['-v', 'error', '-i', 'pipe:0', ...raw], wav);
    t.ok(pcm.length > 60 * 16_000, `${Math.round(pcm.length / 16_000)} s of speech`);
    const [digits, muted = ''] = (await outputOf(check, ['digits'], pcm)).toString().split('\n');
    t.equal(digits, '');
    // A 10 ms hole now and then would be heard by nobody; a hundred would.
    const [count = 0, blocks = 0] = muted.split(' of ').map(Number);
    t.ok(blocks > 6000 && count <= blocks / 2000, muted);
  });
}

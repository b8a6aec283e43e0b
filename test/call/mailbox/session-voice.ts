import type { MailboxMedia } from '../../../firmware/call/mailbox/mailbox-run.ts';
import type { MediaEvent, MediaSession } from '../../../firmware/media/client.ts';

/** A session of the media worker with one party, as a mailbox takes it. */
export function sessionVoice(
  session: MediaSession<readonly [string]>,
  onPressed: (digit: string, how: 'event' | 'audio') => void,
): MailboxMedia {
  let playing: { readonly playback: Promise<number>; readonly resolve: (heard: boolean) => void } | undefined;
  const finish = (heard: boolean): void => {
    const ended = playing;
    playing = undefined;
    ended?.resolve(heard);
  };
  session.onEvent((event: MediaEvent) => {
    if (event.kind === 'digit') onPressed(event.digit, event.how);
    if (event.kind !== 'playbackEnded') return;
    void playing?.playback.then((playback) => {
      if (playback === event.playback) finish(true);
    });
  });
  return {
    announce: (sound) => {
      finish(false);
      return new Promise((resolve) => {
        const playback = session.play(0, sound);
        playing = { playback, resolve };
        playback.catch(() => resolve(false));
      });
    },
    stop: () => {
      finish(false);
      session.stopPlaying(0).catch(() => undefined);
    },
    record: (options) => session.record({ ...options, who: 0, channels: 1 }),
  };
}

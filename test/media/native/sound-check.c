/* Files and tones as a player reads them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/sound.h"
#include "bench.h"

static char folder[] = "/tmp/ringdown-clips-XXXXXX";

static const char *path_of(const char *name) {
  static char path[128];
  if (strstr(folder, "XXXXXX") != NULL && mkdtemp(folder) == NULL) abort();
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void put32(uint8_t *bytes, uint32_t value) {
  for (unsigned i = 0; i < 4; i++) bytes[i] = (uint8_t)(value >> 8 * i);
}

/* PCM that counts up from `first`. */
static void write_wav(const char *path, uint32_t rate, size_t samples, int16_t first) {
  uint8_t header[44] = "RIFF....WAVEfmt ....\1\0\1\0";
  put32(header + 4, (uint32_t)(36 + 2 * samples));
  put32(header + 16, 16);
  put32(header + 24, rate);
  put32(header + 28, 2 * rate);
  header[32] = 2;
  header[34] = 16;
  memcpy(header + 36, "data", 4);
  put32(header + 40, (uint32_t)(2 * samples));
  FILE *file = fopen(path, "wb");
  if (file == NULL) abort();
  fwrite(header, 1, sizeof header, file);
  for (size_t i = 0; i < samples; i++) {
    const int16_t value = (int16_t)(first + (int16_t)i);
    fwrite(&value, 2, 1, file);
  }
  fclose(file);
}

static struct clip *open_clip(const char *name) {
  enum clip_fault fault;
  enum wav_fault wav_fault;
  return clip_open(path_of(name), &fault, &wav_fault);
}

CHECK(check_clip, "a file is in memory once, for as long as somebody plays it") {
  write_wav(path_of("a.wav"), 8000, 100, 0);
  struct clip *first = open_clip("a.wav");
  struct clip *second = open_clip("a.wav");
  EXPECT(first != NULL && first == second, true);
  EXPECT(clip_count(), 1);
  EXPECT(clip_bytes(), 244);
  clip_close(clip_share(first));
  clip_close(first);
  EXPECT(clip_count(), 1);
  /* A file of the same name that is another one. */
  unlink(path_of("a.wav"));
  write_wav(path_of("a.wav"), 8000, 50, 0);
  struct clip *other = open_clip("a.wav");
  EXPECT(other != second, true);
  EXPECT(clip_wav(other)->samples, 50);
  EXPECT(clip_wav(second)->samples, 100);
  clip_close(other);
  clip_close(second);
  EXPECT(clip_count(), 0);
  EXPECT(clip_bytes(), 0);
  unlink(path_of("a.wav"));
}

CHECK(check_g722_clip, "a file of G.722 is in memory as PCM, and too large by what it is there") {
  enum clip_fault fault;
  enum wav_fault wav_fault;
  static uint8_t coded[44 + 320] = "RIFF....WAVEfmt ....\x8f\2\1\0\x80\x3e\0\0\x40\x1f\0\0\1\0\4\0data";
  put32(coded + 4, 36 + 320);
  put32(coded + 16, 16);
  put32(coded + 40, 320);
  for (unsigned i = 0; i < 320; i++) coded[44 + i] = (uint8_t)(i * 37);
  FILE *file = fopen(path_of("wide.wav"), "wb");
  if (file == NULL) abort();
  fwrite(coded, 1, sizeof coded, file);
  fclose(file);
  struct clip *clip = open_clip("wide.wav");
  EXPECT(clip != NULL && clip == open_clip("wide.wav"), true);
  EXPECT(clip_bytes(), 4 * 320);
  struct wav wav;
  int16_t expected[640], pcm[640];
  EXPECT(wav_parse(coded, sizeof coded, &wav), WAV_OK);
  EXPECT(wav_decode_g722(&wav, expected), true);
  EXPECT(clip_wav(clip)->sample_rate, 16000);
  EXPECT(wav_read(clip_wav(clip), 0, pcm, 1000), 640);
  EXPECT(memcmp(pcm, expected, sizeof pcm), 0);
  clip_close(clip);
  clip_close(clip);
  EXPECT(clip_count(), 0);
  const uint32_t most = CLIP_MAX_BYTES / 4;
  for (uint32_t data = most; data <= most + 1; data++) {
    put32(coded + 4, 36 + data);
    put32(coded + 40, data);
    file = fopen(path_of("wide.wav"), "wb");
    if (file == NULL) abort();
    fwrite(coded, 1, 44, file);
    fclose(file);
    if (truncate(path_of("wide.wav"), 44 + (off_t)data) != 0) abort();
    clip = clip_open(path_of("wide.wav"), &fault, &wav_fault);
    EXPECT(fault, data == most ? CLIP_OK : CLIP_TOO_LARGE);
    clip_close(clip);
  }
  EXPECT(clip_count(), 0);
  EXPECT(clip_bytes(), 0);
  unlink(path_of("wide.wav"));
}

CHECK(check_no_clip, "what is no audio file is an error, and leaves nothing in memory") {
  enum clip_fault fault;
  enum wav_fault wav_fault;
  EXPECT(clip_open(path_of("none.wav"), &fault, &wav_fault) == NULL, true);
  EXPECT(fault, CLIP_ERRNO);
  EXPECT(errno, ENOENT);
  EXPECT(clip_open(path_of("."), &fault, &wav_fault) == NULL, true);
  EXPECT(fault, CLIP_NO_FILE);
  mkfifo(path_of("pipe.wav"), 0600);
  EXPECT(clip_open(path_of("pipe.wav"), &fault, &wav_fault) == NULL, true);
  EXPECT(fault, CLIP_NO_FILE);
  FILE *file = fopen(path_of("noise.wav"), "wb");
  fputs("RIFF", file);
  fclose(file);
  EXPECT(clip_open(path_of("noise.wav"), &fault, &wav_fault) == NULL, true);
  EXPECT(fault, CLIP_BAD_WAV);
  EXPECT(wav_fault, WAV_NOT_RIFF);
  if (truncate(path_of("noise.wav"), CLIP_MAX_BYTES + 1) != 0) abort();
  EXPECT(clip_open(path_of("noise.wav"), &fault, &wav_fault) == NULL, true);
  EXPECT(fault, CLIP_TOO_LARGE);
  if (truncate(path_of("noise.wav"), 0) != 0) abort();
  EXPECT(clip_open(path_of("noise.wav"), &fault, &wav_fault) == NULL, true);
  EXPECT(fault, CLIP_BAD_WAV);
  EXPECT(clip_count(), 0);
  unlink(path_of("noise.wav"));
  unlink(path_of("pipe.wav"));
}

CHECK(check_clip_total, "all files together take no more memory than they may") {
  struct clip *clips[4];
  enum clip_fault fault;
  enum wav_fault wav_fault;
  char name[16];
  for (unsigned i = 0; i < 4; i++) {
    snprintf(name, sizeof name, "%u.wav", i);
    write_wav(path_of(name), 8000, CLIP_MAX_BYTES / 2 - 22, 0);
    clips[i] = clip_open(path_of(name), &fault, &wav_fault);
    EXPECT(fault, i < 3 ? CLIP_OK : CLIP_TOO_LARGE);
  }
  for (unsigned i = 0; i < 4; i++) {
    clip_close(clips[i]);
    snprintf(name, sizeof name, "%u.wav", i);
    unlink(path_of(name));
  }
  EXPECT(clip_count(), 0);
}

CHECK(check_clip_count, "so many files are in memory and no more, and one that is closed makes room") {
  static struct clip *clips[CLIP_MAX_OPEN];
  char name[16];
  for (unsigned i = 0; i <= CLIP_MAX_OPEN; i++) {
    snprintf(name, sizeof name, "%u.wav", i);
    write_wav(path_of(name), 8000, 1, 0);
    if (i < CLIP_MAX_OPEN) clips[i] = open_clip(name);
  }
  EXPECT(clip_count(), CLIP_MAX_OPEN);
  EXPECT(open_clip(name) == NULL, true);
  clip_close(clips[7]);
  clips[7] = open_clip(name);
  EXPECT(clips[7] != NULL, true);
  for (unsigned i = 0; i <= CLIP_MAX_OPEN; i++) {
    if (i < CLIP_MAX_OPEN) clip_close(clips[i]);
    snprintf(name, sizeof name, "%u.wav", i);
    unlink(path_of(name));
  }
  EXPECT(clip_count(), 0);
  EXPECT(clip_bytes(), 0);
}

static void open_list(struct sound *sound, bool repeated) {
  write_wav(path_of("one.wav"), 8000, 100, 1000);
  write_wav(path_of("two.wav"), 8000, 250, 2000);
  write_wav(path_of("wide.wav"), 16000, 300, 3000);
  struct clip *const clips[] = {open_clip("one.wav"), open_clip("two.wav"), open_clip("wide.wav")};
  sound_of_clips(sound, clips, 3, repeated);
}

CHECK(check_list, "files are played one after another, each at its rate") {
  struct sound sound;
  int16_t pcm[320];
  uint32_t rate;
  open_list(&sound, false);
  EXPECT(sound_read(&sound, pcm, 320, &rate), 160);
  EXPECT(rate, 8000);
  EXPECT(pcm[99], 1099);
  EXPECT(pcm[100], 2000);
  EXPECT(sound_read(&sound, pcm, 320, &rate), 160);
  EXPECT(pcm[0], 2060);
  EXPECT(sound_read(&sound, pcm, 320, &rate), 30);
  EXPECT(pcm[29], 2249);
  EXPECT(sound_read(&sound, pcm, 260, &rate), 260);
  EXPECT(rate, 16000);
  EXPECT(pcm[0], 3000);
  EXPECT(sound_read(&sound, pcm, 320, &rate), 40);
  EXPECT(sound_read(&sound, pcm, 320, &rate), 0);
  EXPECT(sound_read(&sound, pcm, 320, &rate), 0);
  sound_close(&sound);
  sound_close(&sound);
  EXPECT(clip_count(), 0);
}

CHECK(check_list_offset, "a list begins anywhere, and goes round without a gap") {
  struct sound sound;
  int16_t pcm[320];
  uint32_t rate;
  open_list(&sound, true);
  /* 12.5 ms, 31.25 ms and 18.75 ms: 62.5 ms a round. */
  sound_skip(&sound, 625000 + 20);
  EXPECT(sound_read(&sound, pcm, 320, &rate), 160);
  EXPECT(pcm[0], 2060);
  sound_close(&sound);
  open_list(&sound, true);
  size_t ticks = 0;
  for (unsigned reads = 0; ticks < 1000 * 100; reads++) {
    const size_t got = sound_read(&sound, pcm, 320 - ticks % 320, &rate);
    EXPECT(got > 0, true);
    if (got == 0) break;
    ticks += got * 16000 / rate;
  }
  EXPECT(ticks < 1000 * 100 + 320, true);
  sound_close(&sound);
  open_list(&sound, false);
  sound_skip(&sound, 62);
  EXPECT(sound_read(&sound, pcm, 320, &rate), 8);
  EXPECT(pcm[7], 3299);
  sound_close(&sound);
  for (unsigned i = 0; i < 3; i++) unlink(path_of((const char *[]){"one.wav", "two.wav", "wide.wav"}[i]));
  rmdir(folder);
}

CHECK(check_silence, "silence has no end") {
  struct sound sound;
  int16_t pcm[160];
  uint32_t rate;
  sound_of_silence(&sound);
  pcm[159] = 1;
  EXPECT(sound_read(&sound, pcm, 320, &rate), 160);
  EXPECT(pcm[159], 0);
  sound_close(&sound);
}

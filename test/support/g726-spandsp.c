/*
 * g726-spandsp encode|decode: 16 bit PCM at 8 kHz on standard input to G.726 at 32 kbit/s as RFC 3551 packs it, or back, by spandsp.
 * Debian ships that library with other programs that the tests need, without its headers: what is used of it is declared here.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define BIT_RATE 32000
#define LINEAR 0
#define EARLIER_SAMPLE_LOWER 2 /* of the ways to pack codes */
#define SAMPLES 160

int main(int count, char **arguments) {
  void *library = dlopen("libspandsp.so.2", RTLD_NOW);
  if (count != 2 || library == NULL) {
    fputs("usage: g726-spandsp encode|decode, with libspandsp.so.2 installed\n", stderr);
    return 2;
  }
  void *(*const init)(void *, int, int, int) = (void *(*)(void *, int, int, int))dlsym(library, "g726_init");
  int (*const encode)(void *, uint8_t *, const int16_t *, int) = (int (*)(void *, uint8_t *, const int16_t *, int))dlsym(library, "g726_encode");
  int (*const decode)(void *, int16_t *, const uint8_t *, int) = (int (*)(void *, int16_t *, const uint8_t *, int))dlsym(library, "g726_decode");
  if (init == NULL || encode == NULL || decode == NULL) return 1;
  void *state = init(NULL, BIT_RATE, LINEAR, EARLIER_SAMPLE_LOWER);
  int16_t pcm[2 * SAMPLES];
  uint8_t codes[SAMPLES];
  size_t got;
  if (strcmp(arguments[1], "encode") == 0) {
    while ((got = fread(pcm, sizeof *pcm, SAMPLES, stdin)) > 0) fwrite(codes, 1, (size_t)encode(state, codes, pcm, (int)got), stdout);
  } else {
    while ((got = fread(codes, 1, sizeof codes, stdin)) > 0) fwrite(pcm, sizeof *pcm, (size_t)decode(state, pcm, codes, (int)got), stdout);
  }
  return 0;
}

/*
 * Tables that are made when the program is loaded: AT_LOAD(make_it) { ... }. All of G.729 may be in it twice (codec/g729_width.c), and
 * the build for wider processors is loaded on the others, too, which have not its instructions: there it makes nothing, and is not used.
 */
#ifndef RINGDOWN_CODEC_G729_TABLES_H
#define RINGDOWN_CODEC_G729_TABLES_H

#ifdef __AVX2__
#define PROCESSOR_FITS (__builtin_cpu_init(), __builtin_cpu_supports("avx2"))
#else
#define PROCESSOR_FITS 1
#endif

/* Whoever asks does nothing but that, so that no instruction of the tables stands before the answer. */
#define AT_LOAD(make)                                                                                \
  static void make(void) __attribute__((noinline));                                                  \
  __attribute__((constructor)) static void make##_at_load(void) {                                    \
    if (PROCESSOR_FITS) make();                                                                      \
  }                                                                                                  \
  static void make(void)

#endif

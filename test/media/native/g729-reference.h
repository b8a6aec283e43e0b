/*
 * G.729 as the worker has it, with our parts in it, beside bcg729 as it came (`reference_` in the Makefile): the same bits and
 * the same samples, whatever comes in.
 */
#ifndef RINGDOWN_TEST_G729_REFERENCE_H
#define RINGDOWN_TEST_G729_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REFERENCE_FRAME_SAMPLES 80
/* Codes and decodes so much PCM with both, some of the frames lost by `seed`. The first frame in which they differ, or -1. */
long g729_first_difference(const int16_t *pcm, size_t frames, bool annex_b, unsigned seed);
/* Decodes frames of ten bytes that nobody coded with both. The first one in which they differ, or -1. */
long g729_first_difference_of(const uint8_t *bytes, size_t frames);

#endif

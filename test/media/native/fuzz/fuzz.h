/*
 * A target of libFuzzer: one input, to a parser and what stands directly behind it. Each FILE.c here becomes the program
 * build/native/fuzz/FILE, over the sources of the worker with AddressSanitizer and UndefinedBehaviorSanitizer. Where an
 * expectation is broken that no sanitizer sees, FUZZ_ASSERT stops it.
 */
#ifndef RINGDOWN_TEST_FUZZ_H
#define RINGDOWN_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define FUZZ_ASSERT(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#endif

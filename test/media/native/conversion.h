/* What media-check makes of audio on its standard input, to judge codecs by. */
#ifndef RINGDOWN_TEST_CONVERSION_H
#define RINGDOWN_TEST_CONVERSION_H

#include <stdbool.h>

/* Of chain.c: media-check chain. */
void chain(const char *from_name, const char *to_name, unsigned percent, bool concealing);
/* Of words.c: media-check words. False: no such kind. */
bool words(const char *kind);

#endif

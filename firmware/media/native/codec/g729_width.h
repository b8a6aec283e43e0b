/* Which of its builds G.729 runs in, where there are two: for every processor of its kind, and for those with AVX2. */
#ifndef RINGDOWN_CODEC_G729_WIDTH_H
#define RINGDOWN_CODEC_G729_WIDTH_H

#include <stdbool.h>

/* Whether what is opened now runs in the wide build. */
bool g729_is_wide(void);
/* For checks: keeps to the narrow one. Only while nothing of G.729 is open. */
void g729_keep_narrow(bool narrow);

#endif

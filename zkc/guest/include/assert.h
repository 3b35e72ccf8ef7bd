/* assert is always on: a check that a proof relies on must not vanish with NDEBUG. */
#include <zkc.h>

#undef assert
#define assert(condition) zkc_assert(condition)

/* The part of stdlib.h that the guest library has. */
#include <zkc.h>

#define exit(code) zkc_exit(code)
#define abort() zkc_panic("abort")

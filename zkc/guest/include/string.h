/* The part of string.h that the guest library has. */
#include <zkc.h>

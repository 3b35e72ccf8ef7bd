/* zkc.h - the guest library: what a C program needs to run inside the zkc machine.
 *
 * The machine has RV32IM and these calls (Linux numbers): exit 93 and 94, read 63, write 64, writev 66, brk 214; any other returns -ENOSYS.
 *   file 0  private input: read once, in order; no part of the statement, but a receipt does not hide it (see docs/security.md)
 *   file 1  console, file 2 console: shown to the person who runs the program, not proven
 *   file 3  journal: public output, proven
 * Everything that comes from file 0 was chosen by the prover: check it as you would check the input of a server.
 */
#ifndef ZKC_H
#define ZKC_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Environment calls. */

/* Any environment call by number, with up to three arguments; returns a0. */
int32_t zkc_call(uint32_t number, uint32_t a0, uint32_t a1, uint32_t a2);
/* Ends the program; `code` is part of the proof. */
__attribute__((noreturn)) void zkc_exit(int code);
/* Reads up to `len` bytes of private input; returns how many were read, less than `len` only at the end of the input. */
size_t zkc_read(void *buf, size_t len);
/* Writes `len` bytes to `fd` (1 or 2 console, 3 journal); returns `len`, or a negative error number. */
int32_t zkc_write(int fd, const void *buf, size_t len);
/* Commits `len` bytes to the journal, the public output that the proof speaks about. */
void zkc_journal(const void *buf, size_t len);

/* Input helpers. */

/* Reads exactly `len` bytes, or panics. */
void zkc_read_exact(void *buf, size_t len);
/* Reads one little-endian 32-bit word, or panics. */
uint32_t zkc_read_u32(void);
/* Reads the rest of the input into fresh memory, stores its length in `*len`, and puts a zero byte after it. */
uint8_t *zkc_input_all(size_t *len);

/* Console. Nothing here is proven. */

void zkc_print(const char *text);
void zkc_print_u32(uint32_t value);
void zkc_print_i32(int32_t value);
void zkc_print_hex(uint32_t value); /* eight digits, no prefix */
/* %s %c %d %u %x %p %% and a zero-padded or blank-padded width, as in "%08x". */
void zkc_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints `message` to file 2 and exits with code 1. */
__attribute__((noreturn)) void zkc_panic(const char *message);
/* Panics with file and line unless `condition` holds. Always compiled in. */
#define zkc_assert(condition) ((condition) ? (void)0 : zkc_assert_failed(#condition, __FILE__, __LINE__))
__attribute__((noreturn)) void zkc_assert_failed(const char *condition, const char *file, int line);

/* Memory: what string.h and stdlib.h promise. */

void *memcpy(void *__restrict dst, const void *__restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int value, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);

/* Sizes are rounded up to powers of two, and freed blocks are reused for the same size. malloc returns NULL when the heap is full; blocks are 16-byte aligned. */
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void free(void *block);

#ifdef __cplusplus
}
#endif
#endif

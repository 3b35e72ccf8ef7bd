/* The guest library; zkc.h says what each function promises. Compiled with -fno-builtin, or memcpy would be turned into a call of itself. */
#include <zkc.h>

enum { CALL_READ = 63, CALL_WRITE = 64, CALL_EXIT = 93, CALL_BRK = 214 };
enum { FILE_INPUT = 0, FILE_CONSOLE = 1, FILE_ERROR = 2, FILE_JOURNAL = 3 };

/* ***** environment calls ***** */

int32_t zkc_call(uint32_t number, uint32_t a0, uint32_t a1, uint32_t a2) {
    register uint32_t r0 __asm__("a0") = a0;
    register uint32_t r1 __asm__("a1") = a1;
    register uint32_t r2 __asm__("a2") = a2;
    register uint32_t r7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(r0) : "r"(r1), "r"(r2), "r"(r7) : "memory");
    return (int32_t)r0;
}

_Noreturn void zkc_exit(int code) {
    for (;;) zkc_call(CALL_EXIT, (uint32_t)code, 0, 0);
}

size_t zkc_read(void *buf, size_t len) {
    size_t done = 0;
    while (done < len) {
        int32_t n = zkc_call(CALL_READ, FILE_INPUT, (uint32_t)((uintptr_t)buf + done), (uint32_t)(len - done));
        if (n <= 0) break;
        done += (size_t)n;
    }
    return done;
}

int32_t zkc_write(int fd, const void *buf, size_t len) {
    size_t done = 0;
    while (done < len) {
        int32_t n = zkc_call(CALL_WRITE, (uint32_t)fd, (uint32_t)((uintptr_t)buf + done), (uint32_t)(len - done));
        if (n <= 0) return n;
        done += (size_t)n;
    }
    return (int32_t)done;
}

void zkc_journal(const void *buf, size_t len) {
    if (zkc_write(FILE_JOURNAL, buf, len) != (int32_t)len) zkc_panic("the journal refused a write");
}

/* ***** input ***** */

void zkc_read_exact(void *buf, size_t len) {
    if (zkc_read(buf, len) != len) zkc_panic("the input ended early");
}

uint32_t zkc_read_u32(void) {
    uint32_t value;
    zkc_read_exact(&value, sizeof value);
    return value;
}

uint8_t *zkc_input_all(size_t *len) {
    size_t capacity = 1024 - 16, used = 0; /* a block and its header fill one size class */
    uint8_t *buf = malloc(capacity);
    for (;;) {
        if (!buf) zkc_panic("no memory for the input");
        used += zkc_read(buf + used, capacity - 1 - used);
        if (used < capacity - 1) break;
        capacity = 2 * (capacity + 16) - 16;
        buf = realloc(buf, capacity);
    }
    buf[used] = 0;
    *len = used;
    return buf;
}

/* ***** console ***** */

static void put(const char *text, size_t len) { zkc_write(FILE_CONSOLE, text, len); }

/* Writes the digits of `value` so that they end before `end`; returns where they start. */
static char *digits(char *end, uint32_t value, uint32_t base) {
    do *--end = "0123456789abcdef"[value % base];
    while (value /= base);
    return end;
}

void zkc_print(const char *text) { put(text, strlen(text)); }

void zkc_print_u32(uint32_t value) {
    char buf[12], *end = buf + sizeof buf, *start = digits(end, value, 10);
    put(start, (size_t)(end - start));
}

void zkc_print_i32(int32_t value) {
    if (value < 0) put("-", 1);
    zkc_print_u32(value < 0 ? 0u - (uint32_t)value : (uint32_t)value);
}

void zkc_print_hex(uint32_t value) {
    char buf[8];
    for (int i = 7; i >= 0; i--, value >>= 4) buf[i] = "0123456789abcdef"[value & 15];
    put(buf, sizeof buf);
}

static void pad(char fill, size_t width, size_t len) {
    while (width-- > len) put(&fill, 1);
}

void zkc_printf(const char *format, ...) {
    va_list args;
    va_start(args, format);
    for (const char *p = format; *p; p++) {
        const char *plain = p;
        while (*p && *p != '%') p++;
        if (p != plain) put(plain, (size_t)(p - plain));
        if (!*p || !*++p) break;
        char fill = *p == '0' ? '0' : ' ', buf[12], *end = buf + sizeof buf, *start = end;
        size_t width = 0;
        for (; *p >= '0' && *p <= '9'; p++) width = 10 * width + (size_t)(*p - '0');
        if (*p == 'l') p++; /* long is 32 bits here */
        const char *text = 0;
        int32_t value;
        switch (*p) {
        case 's': text = va_arg(args, const char *); break;
        case 'c': *--start = (char)va_arg(args, int); break;
        case 'u': start = digits(end, va_arg(args, uint32_t), 10); break;
        case 'x': start = digits(end, va_arg(args, uint32_t), 16); break;
        case 'p': start = digits(end, (uint32_t)(uintptr_t)va_arg(args, void *), 16); break;
        case 'd':
        case 'i':
            value = va_arg(args, int32_t);
            start = digits(end, value < 0 ? 0u - (uint32_t)value : (uint32_t)value, 10);
            if (value < 0) *--start = '-';
            break;
        default: *--start = *p; break;
        }
        size_t len = text ? strlen(text) : (size_t)(end - start);
        pad(fill, width, len);
        put(text ? text : start, len);
    }
    va_end(args);
}

_Noreturn void zkc_panic(const char *message) {
    zkc_write(FILE_ERROR, "panic: ", 7);
    zkc_write(FILE_ERROR, message, strlen(message));
    zkc_write(FILE_ERROR, "\n", 1);
    zkc_exit(1);
}

_Noreturn void zkc_assert_failed(const char *condition, const char *file, int line) {
    zkc_printf("%s:%d: assertion failed: %s\n", file, line, condition);
    zkc_exit(1);
}

/* ***** memory ***** */

typedef uint32_t __attribute__((may_alias)) word;

void *memcpy(void *restrict dst, const void *restrict src, size_t n) {
    uint8_t *d = dst;
    const uint8_t *s = src;
    if ((((uintptr_t)d ^ (uintptr_t)s) & 3) == 0) { /* the machine has no misaligned access: words only where both sides agree */
        for (; n && ((uintptr_t)d & 3); n--) *d++ = *s++;
        for (; n >= 16; n -= 16, d += 16, s += 16) {
            word a = ((const word *)s)[0], b = ((const word *)s)[1], c = ((const word *)s)[2], e = ((const word *)s)[3];
            ((word *)d)[0] = a, ((word *)d)[1] = b, ((word *)d)[2] = c, ((word *)d)[3] = e;
        }
        for (; n >= 4; n -= 4, d += 4, s += 4) *(word *)d = *(const word *)s;
    }
    while (n--) *d++ = *s++;
    return dst;
}

void *memmove(void *dst, const void *src, size_t n) {
    uint8_t *d = dst;
    const uint8_t *s = src;
    if ((uintptr_t)d - (uintptr_t)s >= n) { /* dst is not inside src, so going up never overwrites what is still to be read */
        if ((uintptr_t)s - (uintptr_t)d >= n) return memcpy(dst, src, n);
        while (n--) *d++ = *s++;
        return dst;
    }
    while (n--) d[n] = s[n];
    return dst;
}

void *memset(void *dst, int value, size_t n) {
    uint8_t *d = dst;
    word filled = 0x01010101u * (uint8_t)value;
    for (; n && ((uintptr_t)d & 3); n--) *d++ = (uint8_t)value;
    for (; n >= 16; n -= 16, d += 16) ((word *)d)[0] = filled, ((word *)d)[1] = filled, ((word *)d)[2] = filled, ((word *)d)[3] = filled;
    for (; n >= 4; n -= 4, d += 4) *(word *)d = filled;
    while (n--) *d++ = (uint8_t)value;
    return dst;
}

int memcmp(const void *a, const void *b, size_t n) {
    const uint8_t *x = a, *y = b;
    for (; n && *x == *y; n--) x++, y++;
    return n ? *x - *y : 0;
}

size_t strlen(const char *s) {
    const char *end = s;
    while (*end) end++;
    return (size_t)(end - s);
}

int strcmp(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t n) {
    for (; n && *a && *a == *b; n--) a++, b++;
    return n ? (uint8_t)*a - (uint8_t)*b : 0;
}

/* ***** heap ***** */

/* A block is a 16-byte header and the bytes; the header holds the size class, and in a free block the next free block of that class. */
typedef struct Block {
    uint32_t class;
    struct Block *next;
    uint32_t reserved[2];
} Block;

enum { SMALLEST_CLASS = 5, CLASSES = 29 }; /* 2^5 bytes with header, up to the whole address space */

static Block *free_blocks[CLASSES];
static uintptr_t heap_break;

static void *grow(size_t size) {
    if (!heap_break) heap_break = ((uintptr_t)zkc_call(CALL_BRK, 0, 0, 0) + 15) & ~(uintptr_t)15;
    uintptr_t wanted = heap_break + size;
    if ((uintptr_t)zkc_call(CALL_BRK, (uint32_t)wanted, 0, 0) != wanted) return 0;
    heap_break = wanted;
    return (void *)(wanted - size);
}

void *malloc(size_t size) {
    if (size > 0x0C000000) return 0; /* more than there is */
    uint32_t class = SMALLEST_CLASS;
    while (((size_t)1 << class) < size + sizeof(Block)) class++;
    Block *block = free_blocks[class];
    if (block) {
        free_blocks[class] = block->next;
    } else {
        block = grow((size_t)1 << class);
        if (!block) return 0;
        block->class = class;
    }
    return block + 1;
}

void free(void *block) {
    if (!block) return;
    Block *header = (Block *)block - 1;
    header->next = free_blocks[header->class];
    free_blocks[header->class] = header;
}

void *calloc(size_t count, size_t size) {
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) return 0;
    void *block = malloc(total);
    if (block) memset(block, 0, total);
    return block;
}

void *realloc(void *block, size_t size) {
    if (!block) return malloc(size);
    size_t room = ((size_t)1 << ((Block *)block - 1)->class) - sizeof(Block);
    if (size <= room) return block;
    void *fresh = malloc(size);
    if (!fresh) return 0;
    memcpy(fresh, block, room);
    free(block);
    return fresh;
}

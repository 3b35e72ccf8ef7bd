/* The environment calls: what they return, reads and writes at any address and of any length, the break, and calls that do not exist. Needs at least 5000 bytes of input. */
#include <zkc.h>

enum { EBADF = -9, ENOSYS = -38, READ = 63, WRITE = 64, BRK = 214 };

static uint8_t buffer[4096 + 64];

static void reads(void) {
    static const size_t lengths[] = {0, 1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 63, 64, 65, 100, 1023, 1024, 1025};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t at = i % 4 + 16, len = lengths[i];
        memset(buffer, 0xee, len + 64);
        zkc_assert(zkc_call(READ, 0, (uint32_t)(uintptr_t)(buffer + at), len) == (int32_t)len);
        zkc_assert(buffer[at - 1] == 0xee && buffer[at + len] == 0xee);
        zkc_journal(buffer + at, len);
    }
    zkc_assert(zkc_call(READ, 1, (uint32_t)(uintptr_t)buffer, 4) == EBADF);
    zkc_assert(zkc_call(READ, 3, (uint32_t)(uintptr_t)buffer, 4) == EBADF);
    zkc_assert(zkc_call(READ, 0xffffffff, (uint32_t)(uintptr_t)buffer, 4) == EBADF);
}

static void writes(void) {
    for (uint32_t i = 0; i < 300; i++) buffer[i] = (uint8_t)(i * 7 + 1);
    for (uint32_t len = 0; len < 70; len++) zkc_assert(zkc_write(3, buffer + len % 4, len) == (int32_t)len);
    zkc_assert(zkc_write(3, buffer + 1, 299) == 299);
    zkc_assert(zkc_write(1, "to file 1\n", 10) == 10);
    zkc_assert(zkc_write(2, "to file 2\n", 10) == 10);
    zkc_assert(zkc_call(WRITE, 0, (uint32_t)(uintptr_t)buffer, 4) == EBADF);
    zkc_assert(zkc_call(WRITE, 4, (uint32_t)(uintptr_t)buffer, 4) == EBADF);
    zkc_assert(zkc_call(WRITE, 0x10003, (uint32_t)(uintptr_t)buffer, 4) == EBADF);
}

static void breaks(void) {
    extern char _end[];
    uint32_t start = (uint32_t)zkc_call(BRK, 0, 0, 0);
    zkc_assert(start == (((uint32_t)(uintptr_t)_end + 15) & ~15u));
    zkc_assert((uint32_t)zkc_call(BRK, start + 5000, 0, 0) == start + 5000);
    ((uint8_t *)(uintptr_t)start)[4999] = 42;
    zkc_assert((uint32_t)zkc_call(BRK, 0, 0, 0) == start + 5000);
    zkc_assert((uint32_t)zkc_call(BRK, start - 1, 0, 0) == start + 5000);
    zkc_assert((uint32_t)zkc_call(BRK, start, 0, 0) == start);
    zkc_journal((uint8_t *)(uintptr_t)start + 4999, 1);
    zkc_assert((uint32_t)zkc_call(BRK, 0x0bf00000, 0, 0) == 0x0bf00000);
    zkc_assert((uint32_t)zkc_call(BRK, 0x0bf00001, 0, 0) == 0x0bf00000);
    zkc_assert((uint32_t)zkc_call(BRK, 0xffffffff, 0, 0) == 0x0bf00000);
}

static void unknown(void) {
    static const uint32_t numbers[] = {0, 1, 62, 65, 92, 95, 213, 215, 63 + 0x10000, 64 + 0x10000, 93 + 0x10000, 0x80000000, 0xffffffff};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) zkc_assert(zkc_call(numbers[i], 1, 2, 3) == ENOSYS);
}

static void end_of_input(void) {
    uint32_t at = (uint32_t)(uintptr_t)buffer;
    int32_t n;
    while ((n = zkc_call(READ, 0, at + 1, 1000)) > 0) zkc_journal(buffer + 1, (size_t)n);
    zkc_assert(n == 0 && zkc_call(READ, 0, at, 1) == 0 && zkc_call(READ, 0, at, 0) == 0);
}

int main(void) {
    reads();
    writes();
    breaks();
    unknown();
    end_of_input();
    return 0;
}

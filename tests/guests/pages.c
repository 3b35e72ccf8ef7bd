/* Touches many pages: strides through 2 MiB of heap, the last page of user memory, and deep recursion. */
#include <zkc.h>

static uint32_t depth(uint32_t n) {
    volatile uint32_t room[60];
    room[n % 60] = n;
    return n ? depth(n - 1) + room[n % 60] : 0;
}

int main(void) {
    enum { SIZE = 2 << 20 };
    uint8_t *heap = malloc(SIZE);
    uint32_t sum = 0;
    for (uint32_t i = 0; i < SIZE; i += 12289) heap[i] = (uint8_t)(i >> 4);
    for (uint32_t i = 0; i < SIZE; i += 12289) sum += heap[i];
    for (uint32_t i = 1; i < SIZE; i += 40961) sum += heap[i]; /* pages that are only read */
    volatile uint32_t *last = (volatile uint32_t *)0x0bfffffc;
    zkc_assert(*last == 0);
    *last = 0x01020304;
    sum += *last + depth(100);
    zkc_journal(&sum, sizeof sum);
    return 0;
}

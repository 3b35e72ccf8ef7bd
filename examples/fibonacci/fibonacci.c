/* Commits the n-th Fibonacci number modulo 2^32; n is private input. */
#include <zkc.h>

int main(void) {
    uint32_t n = zkc_read_u32(), a = 0, b = 1;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t next = a + b;
        a = b;
        b = next;
    }
    zkc_journal(&n, sizeof n);
    zkc_journal(&a, sizeof a);
    return 0;
}

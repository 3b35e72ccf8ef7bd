/* A walk over 8 MiB with a stride of 260 bytes: reads and writes words all over, so that paging dominates. */
#include <zkc.h>

int main(void) {
    enum { WORDS = 2 << 20, STEPS = 32768 };
    uint32_t *memory = malloc(4 * WORDS), sum = 0;
    for (uint32_t i = 0, at = 0; i < STEPS; i++, at = (at + 65) % WORDS) memory[at] += i, sum ^= memory[at];
    zkc_journal(&sum, sizeof sum);
    return 0;
}

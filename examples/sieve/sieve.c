/* Counts the primes below 10000 with the sieve of Eratosthenes, and commits the count and the greatest one. */
#include <zkc.h>

enum { LIMIT = 10000 };

int main(void) {
    static uint8_t composite[LIMIT];
    uint32_t count = 0, last = 0;
    for (uint32_t i = 2; i < LIMIT; i++) {
        if (composite[i]) continue;
        count++;
        last = i;
        for (uint32_t j = i * i; j < LIMIT; j += i) composite[j] = 1;
    }
    zkc_journal(&count, sizeof count);
    zkc_journal(&last, sizeof last);
    zkc_printf("%u primes, the greatest is %u\n", count, last);
    return 0;
}

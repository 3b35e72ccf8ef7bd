/* The guest library: memory functions against simple loops, the allocator, the console. */
#include <zkc.h>

static uint8_t a[64], b[64];

static void refill(void) {
    for (uint32_t i = 0; i < 64; i++) a[i] = b[i] = (uint8_t)(i * 31 + 7);
}

static void copies(void) {
    for (uint32_t to = 0; to < 6; to += 1 + (to & 1))
        for (uint32_t from = 0; from < 6; from++)
            for (uint32_t len = 0; len < 40; len += 7) {
                refill();
                memmove(a + to, a + from, len);
                for (uint32_t i = 0; i < 64; i++) zkc_assert(a[i] == (i >= to && i < to + len ? b[i - to + from] : b[i]));
            }
    refill();
    memset(a + 3, 9, 50);
    for (uint32_t i = 0; i < 64; i++) zkc_assert(a[i] == (i >= 3 && i < 53 ? 9 : b[i]));
    zkc_assert(memcmp(a, b, 3) == 0 && memcmp("abc", "abd", 3) < 0 && memcmp("\xff", "\x01", 1) > 0);
    zkc_assert(strlen("") == 0 && strlen("seven..") == 7 && strcmp("a", "ab") < 0 && strncmp("abX", "abY", 2) == 0);
}

static void heap(void) {
    uint8_t *p = malloc(100), *q = malloc(1);
    zkc_assert(p && q && p != q && ((uintptr_t)p & 15) == 0 && ((uintptr_t)q & 15) == 0);
    memset(p, 1, 100);
    p = realloc(p, 5000);
    for (int i = 0; i < 100; i++) zkc_assert(p[i] == 1);
    free(p);
    zkc_assert(malloc(5000) == p);
    zkc_assert(malloc(0xffffffff) == NULL && malloc(0x0c000000) == NULL && calloc(0x10000, 0x10000) == NULL);
    uint32_t *zeros = calloc(10, 4);
    for (int i = 0; i < 10; i++) zkc_assert(zeros[i] == 0);
    free(NULL);
}

static _Thread_local uint32_t local = 5, empty;
static uint32_t constructed;

__attribute__((constructor)) static void construct(void) { constructed = 1; }

int main(int argc, char **argv) {
    zkc_assert(argc == 0 && argv[0] == NULL && constructed == 1 && local == 5 && empty == 0);
    local = 6, empty = 7;
    zkc_assert(local == 6 && empty == 7);
    copies();
    heap();
    volatile uint64_t big = 0x123456789abcdef0;
    volatile double real = 2.0;
    zkc_assert(big / 1000003 == 1311764532170ull && (uint32_t)(real * 21) == 42);
    zkc_printf("[%d] [%5d] [%05u] [%x] [%08x] [%s] [%c] [%%]\n", -17, -17, 17u, 0xbeefu, 0xbeefu, "text", 'c');
    zkc_print_i32(-2147483647 - 1);
    zkc_print(" ");
    zkc_print_u32(4294967295u);
    zkc_print(" ");
    zkc_print_hex(0xdeadbeef);
    zkc_print("\n");
    return 0;
}

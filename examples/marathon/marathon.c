/* A long run, so that the proof has several segments: fills an array with pseudo-random words, heap-sorts it, checks the order, and commits the CRC-32 of the result. */
#include <zkc.h>

enum { N = 12000 };

static uint32_t words[N];

static void sift_down(uint32_t root, uint32_t end) {
    uint32_t value = words[root];
    for (uint32_t child; (child = 2 * root + 1) < end; root = child) {
        if (child + 1 < end && words[child] < words[child + 1]) child++;
        if (words[child] <= value) break;
        words[root] = words[child];
    }
    words[root] = value;
}

static void heapsort(void) {
    for (uint32_t i = N / 2; i-- > 0;) sift_down(i, N);
    for (uint32_t end = N - 1; end > 0; end--) {
        uint32_t greatest = words[0];
        words[0] = words[end];
        words[end] = greatest;
        sift_down(0, end);
    }
}

static uint32_t crc32(const uint8_t *data, size_t len) {
    static uint32_t table[256];
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
        table[i] = c;
    }
    uint32_t crc = ~0u;
    for (size_t i = 0; i < len; i++) crc = table[(crc ^ data[i]) & 255] ^ crc >> 8;
    return ~crc;
}

int main(void) {
    uint32_t x = 2463534242;
    for (uint32_t i = 0; i < N; i++) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5; /* xorshift32 */
        words[i] = x;
    }
    heapsort();
    for (uint32_t i = 1; i < N; i++) zkc_assert(words[i - 1] <= words[i]);
    uint32_t crc = crc32((const uint8_t *)words, sizeof words);
    zkc_journal(&crc, sizeof crc);
    zkc_printf("crc %08x\n", crc);
    return 0;
}

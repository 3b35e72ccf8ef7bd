/* Sorts private numbers and commits the sorted list. Before it commits, it checks what a reader of the journal wants to rely on: the output is in order, and it is a
   rearrangement of the input (equal products of (r + x), for an r taken from the numbers themselves). */
#include <zkc.h>

static const uint64_t PRIME = (1ull << 31) - 1;

static void swap(uint32_t *a, uint32_t *b) {
    uint32_t t = *a;
    *a = *b;
    *b = t;
}

static void quicksort(uint32_t *v, int32_t low, int32_t high) {
    while (low < high) {
        uint32_t pivot = v[low + (high - low) / 2];
        int32_t i = low, j = high;
        while (i <= j) {
            while (v[i] < pivot) i++;
            while (v[j] > pivot) j--;
            if (i <= j) swap(&v[i++], &v[j--]);
        }
        if (j - low < high - i) { /* the smaller part by recursion, so the stack stays logarithmic */
            quicksort(v, low, j);
            low = i;
        } else {
            quicksort(v, i, high);
            high = j;
        }
    }
}

static uint32_t product(const uint32_t *v, uint32_t n, uint32_t r) {
    uint64_t result = 1;
    for (uint32_t i = 0; i < n; i++) result = result * ((r + (uint64_t)v[i]) % PRIME) % PRIME;
    return (uint32_t)result;
}

int main(void) {
    size_t size;
    uint32_t *v = (uint32_t *)zkc_input_all(&size);
    zkc_assert(size % 4 == 0);
    uint32_t n = size / 4, r = 2166136261u;
    for (uint32_t i = 0; i < n; i++) r = (r ^ v[i]) * 16777619u;
    uint32_t before = product(v, n, r);
    quicksort(v, 0, (int32_t)n - 1);
    for (uint32_t i = 1; i < n; i++) zkc_assert(v[i - 1] <= v[i]);
    zkc_assert(product(v, n, r) == before);
    zkc_journal(v, size);
    zkc_printf("%u numbers, smallest %u, greatest %u\n", n, n ? v[0] : 0, n ? v[n - 1] : 0);
    return 0;
}

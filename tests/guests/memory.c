/* Loads and stores of every width at every offset in a word, on values with and without the sign bit; the journal has what was loaded and how memory looks. */
#include <zkc.h>

static uint32_t cells[4];

#define LOAD(op, offset) __asm__ volatile(#op " %0, " #offset "(%1)" : "=r"(value) : "r"(cells + 1) : "memory"); zkc_journal(&value, 4);
#define STORE(op, offset)                                                                            \
    cells[0] = cells[1] = cells[2] = pattern;                                                        \
    __asm__ volatile(#op " %0, " #offset "(%1)" : : "r"(stored), "r"(cells + 1) : "memory");          \
    zkc_journal(cells, 12);

int main(void) {
    static const uint32_t patterns[] = {0x00000000, 0xffffffff, 0x7f80ff01, 0x80017ffe, 0x12345678};
    for (int i = 0; i < 5; i++) {
        uint32_t value, pattern = patterns[i], stored = patterns[(i + 3) % 5];
        cells[0] = ~pattern, cells[1] = pattern, cells[2] = pattern ^ 0x55aa55aa;
        LOAD(lw, -4) LOAD(lw, 0) LOAD(lw, 4)
        LOAD(lh, -2) LOAD(lh, 0) LOAD(lh, 2) LOAD(lhu, -2) LOAD(lhu, 0) LOAD(lhu, 2)
        LOAD(lb, -1) LOAD(lb, 0) LOAD(lb, 1) LOAD(lb, 2) LOAD(lb, 3) LOAD(lbu, -1) LOAD(lbu, 0) LOAD(lbu, 1) LOAD(lbu, 2) LOAD(lbu, 3)
        STORE(sw, -4) STORE(sw, 0) STORE(sw, 4) STORE(sh, -2) STORE(sh, 0) STORE(sh, 2) STORE(sb, -1) STORE(sb, 0) STORE(sb, 1) STORE(sb, 2) STORE(sb, 3)
        __asm__ volatile("lw zero, 0(%0)\n lb zero, 3(%0)\n lhu zero, 2(%0)" : : "r"(cells + 1)); /* a load to x0 still reads */
        uint32_t *self = cells + 1;
        cells[1] = (uint32_t)(uintptr_t)cells;
        __asm__ volatile("lw %0, 0(%0)\n sw %0, 0(%0)" : "+r"(self) : : "memory"); /* rd = rs1, rs1 = rs2 */
        zkc_assert(self == cells && cells[0] == (uint32_t)(uintptr_t)cells);
    }
    return 0;
}

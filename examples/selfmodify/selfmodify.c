/* Writes a function, runs it, writes another one over it, and runs that. A word that is stored to is fetched anew for each step that runs it: the program does not
   notice, and the proof covers the code that ran. */
#include <zkc.h>

static uint32_t code[4] __attribute__((aligned(1024)));

/* The instruction `addi rd, rs1, value`, value in -2048..2047. */
static uint32_t addi(uint32_t rd, uint32_t rs1, int32_t value) { return (uint32_t)value << 20 | rs1 << 15 | rd << 7 | 0x13; }

/* The instruction `mul rd, rs1, rs2`. */
static uint32_t mul(uint32_t rd, uint32_t rs1, uint32_t rs2) { return 1u << 25 | rs2 << 20 | rs1 << 15 | rd << 7 | 0x33; }

enum { A0 = 10, RET = 0x00008067 };

static uint32_t run(uint32_t argument) {
    __asm__ volatile("fence" ::: "memory"); /* the stores to code are made before it is called */
    return ((uint32_t(*)(uint32_t))(uintptr_t)code)(argument);
}

int main(void) {
    uint32_t results[3];
    code[0] = addi(A0, A0, 5);
    code[1] = RET;
    results[0] = run(100); /* 105 */
    code[0] = mul(A0, A0, A0);
    results[1] = run(100); /* 10000 */
    code[0] = addi(A0, A0, -1);
    results[2] = run(100); /* 99 */
    zkc_journal(results, sizeof results);
    zkc_printf("%u %u %u\n", results[0], results[1], results[2]);
    return 0;
}

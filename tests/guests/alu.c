/* Every register-register instruction on every pair of edge values, and every immediate form on edge immediates; the journal has all results in order. */
#include <zkc.h>

static const uint32_t edges[] = {0, 1, 2, 31, 32, 0x7fff, 0x8000, 0xffff, 0x10000, 0x12345678, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff};
enum { EDGES = sizeof edges / sizeof *edges };

static uint32_t results[64], count;

#define REGISTER(op) __asm__ volatile(#op " %0, %1, %2" : "=r"(results[count++]) : "r"(a), "r"(b));
#define IMMEDIATE(op, value) __asm__ volatile(#op " %0, %1, " #value : "=r"(results[count++]) : "r"(a));
#define IMMEDIATES(op) IMMEDIATE(op, 0) IMMEDIATE(op, 1) IMMEDIATE(op, -1) IMMEDIATE(op, 2047) IMMEDIATE(op, -2048) IMMEDIATE(op, 1365)
#define SHIFTS(op) IMMEDIATE(op, 0) IMMEDIATE(op, 1) IMMEDIATE(op, 15) IMMEDIATE(op, 16) IMMEDIATE(op, 17) IMMEDIATE(op, 31)

static void flush(void) {
    zkc_journal(results, 4 * count);
    count = 0;
}

int main(void) {
    for (int i = 0; i < EDGES; i++) {
        uint32_t a = edges[i];
        for (int j = 0; j < EDGES; j++) {
            uint32_t b = edges[j];
            REGISTER(add) REGISTER(sub) REGISTER(sll) REGISTER(slt) REGISTER(sltu) REGISTER(xor) REGISTER(srl) REGISTER(sra) REGISTER(or) REGISTER(and)
            REGISTER(mul) REGISTER(mulh) REGISTER(mulhsu) REGISTER(mulhu) REGISTER(div) REGISTER(divu) REGISTER(rem) REGISTER(remu)
            flush();
        }
        IMMEDIATES(addi) IMMEDIATES(slti) IMMEDIATES(sltiu) IMMEDIATES(xori) IMMEDIATES(ori) IMMEDIATES(andi) SHIFTS(slli) SHIFTS(srli) SHIFTS(srai)
        flush();
    }
    return 0;
}

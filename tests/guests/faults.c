/* Does what the first word of the input says; every choice but the last is a fault, and the program must not get to its end. */
#include <zkc.h>

static uint32_t words[4];

int main(void) {
    uint32_t choice = zkc_read_u32(), base = (uint32_t)(uintptr_t)words, value = 0;
    switch (choice) {
    case 0: __asm__ volatile("lw %0, 1(%1)" : "=r"(value) : "r"(base)); break;
    case 1: __asm__ volatile("lw %0, 2(%1)" : "=r"(value) : "r"(base)); break;
    case 2: __asm__ volatile("lh %0, 1(%1)" : "=r"(value) : "r"(base)); break;
    case 3: __asm__ volatile("lhu %0, 3(%1)" : "=r"(value) : "r"(base)); break;
    case 4: __asm__ volatile("sw %0, 2(%1)" : : "r"(value), "r"(base)); break;
    case 5: __asm__ volatile("sh %0, 1(%1)" : : "r"(value), "r"(base)); break;
    case 6: __asm__ volatile("lw %0, 0(%1)" : "=r"(value) : "r"(0x0c000000)); break;       /* the system page: the registers */
    case 7: __asm__ volatile("sw %0, 0(%1)" : : "r"(value), "r"(0x0c000000)); break;
    case 8: __asm__ volatile("sb %0, -1(%1)" : : "r"(value), "r"(0)); break;               /* 0xffffffff */
    case 9: __asm__ volatile("lbu %0, 0(%1)" : "=r"(value) : "r"(0x0d000000)); break;      /* the page table */
    case 10: __asm__ volatile("lw %0, 0(%1)" : "=r"(value) : "r"(0x80000000)); break;
    case 11: __asm__ volatile("jr %0" : : "r"(0x0c000000)); break;
    case 12: __asm__ volatile("jalr ra, 2(%0)" : : "r"((uintptr_t)main)); break;            /* not a multiple of 4 */
    case 13: __asm__ volatile("jr %0" : : "r"(0xfffffffc)); break;
    case 14: __asm__ volatile("ebreak"); break;
    case 15: __asm__ volatile("unimp"); break;
    case 16: __asm__ volatile(".word 0"); break;
    case 17: __asm__ volatile(".word 0xffffffff"); break;
    case 18: __asm__ volatile(".word 0x02001013"); break;                                    /* slli with a wrong upper part */
    case 19: __asm__ volatile(".word 0x0000200f"); break;                                    /* no fence has this funct3 */
    case 20: __asm__ volatile(".word 0x30200073"); break;                                    /* mret */
    case 21: __asm__ volatile(".word 0x00003003"); break;                                    /* ld */
    case 22: __asm__ volatile("jr %0" : : "r"(0x00400000)); break;                          /* zeros */
    case 23: zkc_call(63, 0, 0x0c000000 - 2, 4); break;                                      /* reads over the end of user memory */
    case 24: zkc_call(64, 3, 0x0c000000 - 2, 4); break;
    case 25: zkc_call(64, 1, 0xfffffff0, 32); break;
    default: zkc_exit(7);
    }
    return (int)value;
}

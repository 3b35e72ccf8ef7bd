/* What makes a run dear, one kind for each choice (the first input word), each on a line of its own that tests look for. */
#include <string.h>
#include <zkc.h>

static void thrash(void) {
    volatile uint32_t *base = (uint32_t *)0x01000000;
    for (uint32_t i = 0; i < 4096; i++) base[i << 8] = i; /* stride */
}

static void clear(void) {
    memset((void *)0x01000000, 1, 1 << 20); /* clear */
}

static uint32_t rewrite(void) {
    volatile uint32_t *code = (uint32_t *)0x00800000;
    uint32_t sum = 0;
    code[1] = 0x00008067;
    for (uint32_t i = 0; i < 10; i++) {
        code[0] = 0x00000513 | i << 20;
        __asm__ volatile("" ::: "memory");
        sum += ((uint32_t(*)(void))code)(); /* rewritten */
    }
    return sum;
}

static uint32_t trampoline(void) {
    uint32_t sum = 0;
    for (int i = 0; i < 10; i++) {
        uint32_t code[2] = {0x00150513, 0x00008067};
        __asm__ volatile("" ::"r"(code) : "memory");
        sum = ((uint32_t(*)(uint32_t))code)(sum);
        code[0] = 0, code[1] = 0; /* trampoline */
        __asm__ volatile("" ::"r"(code) : "memory");
    }
    return sum;
}

static void read_bytes(uint32_t count) {
    volatile uint8_t byte;
    while (count--) {
        uint8_t one;
        zkc_read(&one, 1); /* read */
        byte = one;
    }
    (void)byte;
}

static void write_bytes(void) {
    for (uint32_t i = 0; i < 10000; i++) zkc_journal(&i, 1); /* journal */
}

static void write_much(void) {
    for (uint32_t i = 0; i < 10; i++) zkc_journal((const void *)0x01000000, 20000); /* digest */
}

static void print_bytes(void) {
    for (uint32_t i = 0; i < 10000; i++) zkc_print("."); /* print */
}

int main(void) {
    uint32_t choice = zkc_read_u32();
    if (choice == 0) thrash();
    if (choice == 1) clear();
    if (choice == 2) return (int)rewrite();
    if (choice == 3) return (int)trampoline();
    if (choice == 4) read_bytes(10000);
    if (choice == 5) write_bytes();
    if (choice == 6) write_much();
    if (choice == 7) print_bytes();
    return 0;
}

/* A small stack machine that runs a private program: the journal has what the program prints, and nothing about the program but the number of steps.
   An instruction is one byte, followed by a little-endian 32-bit operand where the table says so. */
#include <zkc.h>

enum Op { HALT, PUSH /* value */, LOAD /* variable */, STORE /* variable */, ADD, SUB, MUL, REM, LESS, JUMP /* target */, JUMP_IF_ZERO /* target */, PRINT, OPS };

enum { STACK = 64, VARIABLES = 16, MOST_STEPS = 100000 };

static const uint8_t has_operand[OPS] = {[PUSH] = 1, [LOAD] = 1, [STORE] = 1, [JUMP] = 1, [JUMP_IF_ZERO] = 1};

static uint32_t stack[STACK], variables[VARIABLES], depth;

static void push(uint32_t value) {
    zkc_assert(depth < STACK);
    stack[depth++] = value;
}

static uint32_t pop(void) {
    zkc_assert(depth > 0);
    return stack[--depth];
}

static uint32_t binary(enum Op op, uint32_t a, uint32_t b) {
    switch (op) {
    case ADD: return a + b;
    case SUB: return a - b;
    case MUL: return a * b;
    case REM: return b ? a % b : a;
    default: return a < b;
    }
}

int main(void) {
    size_t size;
    const uint8_t *program = zkc_input_all(&size);
    uint32_t steps = 0;
    for (size_t pc = 0;; steps++) {
        zkc_assert(pc < size && steps < MOST_STEPS);
        uint8_t op = program[pc++];
        zkc_assert(op < OPS);
        uint32_t operand = 0;
        if (has_operand[op]) {
            zkc_assert(pc + 4 <= size);
            memcpy(&operand, program + pc, 4);
            pc += 4;
        }
        if (op == HALT) break;
        uint32_t b;
        switch (op) {
        case PUSH: push(operand); break;
        case LOAD: zkc_assert(operand < VARIABLES), push(variables[operand]); break;
        case STORE: zkc_assert(operand < VARIABLES), variables[operand] = pop(); break;
        case JUMP: pc = operand; break;
        case JUMP_IF_ZERO:
            if (!pop()) pc = operand;
            break;
        case PRINT:
            b = pop();
            zkc_journal(&b, sizeof b);
            zkc_printf("%u\n", b);
            break;
        default: b = pop(), push(binary(op, pop(), b));
        }
    }
    zkc_journal(&steps, sizeof steps);
    return 0;
}

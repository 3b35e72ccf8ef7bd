/* Guest for the loader's tests. Built once, the result is committed (file names only, so that the bytes do not depend on the folder):
 *   python -m ziglang cc -target riscv32-freestanding-none -mcpu=generic_rv32+m -mabi=ilp32 -static -nostdlib -O1 -g
 *     -ffile-prefix-map=$PWD=. -Wl,-e,_start -Wl,--build-id=none fib.c -o fib.elf
 */
static unsigned table[700];
static unsigned start_value = 1;

__attribute__((noinline)) unsigned fib(unsigned n) {
    table[0] = 0;
    table[1] = start_value;
    for (unsigned i = 2; i <= n; i++)
        table[i] = table[i - 1] + table[i - 2];
    return table[n];
}

__attribute__((noreturn)) void _start(void) {
    register unsigned code __asm__("a0") = fib(10);
    register unsigned call __asm__("a7") = 93;
    __asm__ volatile("ecall" : : "r"(code), "r"(call));
    __builtin_unreachable();
}

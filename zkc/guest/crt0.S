/* Where a guest starts. The image gives sp (an empty Linux-like argument block: argc, argv, envp and auxv all zero) and zeroed memory, so there is no .bss to clear.
   Calls the constructors, then main(argc, argv), then exits with what main returns. */
    .section .text.start, "ax", @progbits
    .globl _start
    .type _start, @function
_start:
    .option push
    .option norelax                 /* or the linker would rewrite this as an offset from gp itself */
    la gp, __global_pointer$
    .option pop
    la tp, __tls_base               /* one thread: the initial TLS block is used in place */
    mv s0, sp
    andi sp, sp, -16
    la s1, __init_array_start
    la s2, __init_array_end
1:  bgeu s1, s2, 2f
    lw a0, 0(s1)
    jalr a0
    addi s1, s1, 4
    j 1b
2:  lw a0, 0(s0)
    addi a1, s0, 4
    call main
    li a7, 93
    ecall
    unimp
    .size _start, . - _start

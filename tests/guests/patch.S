/* Code that stores to code. First to words that were never fetched: no cut is needed. Then, five times, to an instruction of the loop that is running. */
    .text
    .globl main
main:
    la t0, once
    li t1, 0x00700293           /* addi t0, zero, 7 */
    sw t1, 0(t0)
    j once
once:
    unimp                       /* the store above makes this `li t0, 7` */
    li t1, 7
    li a0, 1
    bne t0, t1, out
    li a1, 0                    /* sum */
    li a2, 5
    la a3, patched
loop:
patched:
    addi a1, a1, 1
    lw t0, 0(a3)
    lui t1, 0x100               /* one more in the immediate */
    add t0, t0, t1
    sw t0, 0(a3)
    addi a2, a2, -1
    bnez a2, loop
    li t1, 15                   /* 1 + 2 + 3 + 4 + 5 */
    li a0, 2
    bne a1, t1, out
    li a0, 0
out:
    ret

/* Branches, jumps, x0 as destination, operands that are the same register, lui and auipc, fences. Exits with 0, or with the number of the check that failed. */
    .text
    .globl main

    .macro check number, register, value
    li t6, \value
    li a0, \number
    bne \register, t6, fail
    .endm

    /* \op must be taken (\taken = 1) or not for the operands */
    .macro branch number, op, a, b, taken
    li t0, \a
    li t1, \b
    li t2, 0
    \op t0, t1, 1f
    j 2f
1:  li t2, 1
2:  check \number, t2, \taken
    .endm

main:
    branch 1, beq, 5, 5, 1
    branch 2, beq, 5, -5, 0
    branch 3, bne, 5, 5, 0
    branch 4, bne, 0x10000, 0, 1
    branch 5, blt, -1, 0, 1
    branch 6, blt, 0, -1, 0
    branch 7, blt, 0x7fffffff, -0x80000000, 0
    branch 8, blt, 3, 3, 0
    branch 9, bge, 3, 3, 1
    branch 10, bge, -0x80000000, 0x7fffffff, 0
    branch 11, bltu, -1, 0, 0
    branch 12, bltu, 0, -1, 1
    branch 13, bltu, 7, 7, 0
    branch 14, bgeu, 7, 7, 1
    branch 15, bgeu, 0x10000, 0xffff, 1
    branch 16, bgeu, 0xffff, 0x10000, 0

    /* a backward branch: 10 rounds */
    li t0, 10
    li t1, 0
3:  add t1, t1, t0
    addi t0, t0, -1
    bnez t0, 3b
    check 20, t1, 55

    /* the same register as both sources, and as destination too */
    li t0, 6
    add t0, t0, t0
    check 21, t0, 12
    mul t0, t0, t0
    check 22, t0, 144
    sub t0, t0, t0
    check 23, t0, 0
    beq t0, t0, 4f
    li a0, 24
    j fail
4:  bne t0, t0, fail
    blt t0, t0, fail

    /* x0 as destination of every class: it stays zero */
    li t0, 77
    add zero, t0, t0
    addi zero, t0, 1
    mul zero, t0, t0
    divu zero, t0, t0
    slt zero, zero, t0
    lui zero, 0xfffff
    auipc zero, 0xfffff
    lw zero, 0(sp)
    jal zero, 5f
5:  la t1, 6f
    jalr zero, 0(t1)
    j fail
6:  check 30, zero, 0
    add t1, zero, zero
    check 31, t1, 0

    /* jal and jalr link to the next instruction; jalr clears bit 0 of its target and only that, and may link to its own source */
    jal t0, 7f
7:  la t1, 7b
    li a0, 40
    bne t0, t1, fail
    la t0, 8f
    addi t0, t0, 1
    jalr t0, 0(t0)
    j fail
8:  la t1, 8b
    addi t1, t1, -4
    li a0, 41
    bne t0, t1, fail
    la t0, 9f
    addi t0, t0, -2044
    jalr t1, 2045(t0)
    j fail
9:
    /* lui and auipc */
    lui t0, 0x80000
    check 50, t0, 0x80000000
    lui t0, 0xfffff
    check 51, t0, 0xfffff000
10: auipc t0, 0
    la t1, 10b
    li a0, 52
    bne t0, t1, fail
    auipc t0, 0xfffff           /* wraps modulo 2^32 */
    auipc t1, 0
    sub t0, t1, t0
    check 53, t0, 0x1004

    /* fences of any kind do nothing */
    fence
    fence rw, w
    fence.tso
    .insn i 0x0f, 0, t0, t1, 0x7ff   /* every reserved field in use */
    la t1, 10b
    addi t1, t1, 0
    check 60, t0, 0x1004

    /* every register holds its own value */
    mv t0, ra
    la t1, saved
    sw t0, 0(t1)
    sw sp, 4(t1)
    sw gp, 8(t1)
    sw tp, 12(t1)
    .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    li x\n, 0x01010101 * \n
    .endr
    li x31, 0
    .irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
    add x31, x31, x\n
    .endr
    la t1, saved
    lw ra, 0(t1)
    lw sp, 4(t1)
    lw gp, 8(t1)
    lw tp, 12(t1)
    mv t0, t6
    check 70, t0, (0x01010101 * 465) & 0xffffffff

    li a0, 0
    ret
fail:
    beqz a0, 11f
    ret
11: li a0, 255
    ret

    .bss
    .align 4
saved:
    .space 16

"""Names of Linux system calls that programs ask for and the machine has not (the generic numbering that RISC-V uses)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

NAMES: Final = {
    17: "getcwd", 25: "fcntl", 29: "ioctl", 34: "mkdirat", 35: "unlinkat", 48: "faccessat", 56: "openat", 57: "close", 59: "pipe2",
    61: "getdents64", 62: "lseek", 65: "readv", 67: "pread64", 68: "pwrite64", 73: "ppoll", 78: "readlinkat", 79: "fstatat", 80: "fstat",
    96: "set_tid_address", 98: "futex", 99: "set_robust_list", 101: "nanosleep", 113: "clock_gettime", 115: "clock_nanosleep",
    122: "sched_setaffinity", 123: "sched_getaffinity", 124: "sched_yield", 129: "kill", 130: "tkill", 131: "tgkill", 132: "sigaltstack",
    134: "rt_sigaction", 135: "rt_sigprocmask", 160: "uname", 165: "getrusage", 169: "gettimeofday", 172: "getpid", 173: "getppid",
    174: "getuid", 176: "getgid", 178: "gettid", 179: "sysinfo", 198: "socket", 215: "munmap", 216: "mremap", 220: "clone", 221: "execve",
    222: "mmap", 226: "mprotect", 233: "madvise", 258: "riscv_hwprobe", 259: "riscv_flush_icache", 260: "wait4", 261: "prlimit64",
    278: "getrandom", 291: "statx", 293: "rseq", 403: "clock_gettime64", 407: "clock_nanosleep_time64", 422: "futex_time64",
}  # fmt: skip


def describe_calls(refused: Mapping[int, int]) -> str:
    """`mmap (222) twice, 5000 once`: which calls were refused, and how often."""
    parts: list[str] = []
    for number, count in refused.items():
        name = f"{NAMES[number]} ({number})" if number in NAMES else str(number)
        parts.append(f"{name} {'once' if count == 1 else 'twice' if count == 2 else f'{count} times'}")
    return ", ".join(parts)

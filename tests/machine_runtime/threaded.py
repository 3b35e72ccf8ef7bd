"""What the tests of threads run in processes of their own: several threads that start with nothing imported and nothing loaded.

    python -m tests.machine_runtime.threaded THREADS PROGRAM INPUT

Every thread executes, half of them also prove and verify; prints a line for each different outcome.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import zkc


def main(threads: int, program: str, stdin: bytes) -> None:
    sys.setswitchinterval(1e-5)  # as many switches between threads as possible
    start = threading.Barrier(threads)
    outcomes: list[str] = []

    def work(number: int) -> None:
        start.wait()
        try:
            journal = zkc.execute(program, stdin).journal
            if number % 2:
                proof = zkc.prove(program, stdin)
                verified = zkc.verify(proof.receipt, program=program)
                assert verified.journal == proof.run.journal == journal
            outcomes.append(f"journal {journal.hex()}")
        except BaseException as error:
            outcomes.append(repr(error))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(*sorted(set(outcomes)), sep="\n")
    print(len(outcomes), "threads")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]).read_bytes())

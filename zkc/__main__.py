"""The command `zkc`, and `python -m zkc`."""

import signal
import sys


def main() -> int:
    """Runs the command line. Before and after a command there is nothing to keep: Ctrl-C then ends the process without a word."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from zkc.cli import main as command

    return command()


if __name__ == "__main__":
    sys.exit(main())

"""`python -m zkc`."""

import sys

from zkc.cli import main

sys.exit(main())

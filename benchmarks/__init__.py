"""What zkc costs, measured: `python -m benchmarks`."""

"""Machine code: what it is made of, where it is kept, the threads that run it."""

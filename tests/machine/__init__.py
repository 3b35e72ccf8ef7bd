"""The machine as a whole: executor against unicorn, witnesses against the constraints, and witnesses with faults."""

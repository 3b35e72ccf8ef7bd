"""The machine: .circ files, and circuits.lock, which shows what they compile to."""

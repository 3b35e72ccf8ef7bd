"""A second verifier of receipts, written from docs/protocol.md: the standard library and nothing else, nothing of zkc."""

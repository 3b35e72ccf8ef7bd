"""A second verifier of receipts, as docs/protocol.md says: the standard library and nothing else, nothing of zkc."""

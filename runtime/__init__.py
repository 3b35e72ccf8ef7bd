"""The prover, the verifier and what they stand on."""

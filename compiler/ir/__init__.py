"""The intermediate representation: operations with typed operands and results in nested regions, as MLIR has them."""

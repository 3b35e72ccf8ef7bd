"""The compiler: from the syntax tree of `.circ` to tables, instructions and generated kernels."""

"""The `.circ` language: grammar, syntax tree, parser, diagnostics."""

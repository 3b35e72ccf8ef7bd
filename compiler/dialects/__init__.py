"""What operations there are: one file a dialect, each operation declared with its operands, results, attributes and meaning."""

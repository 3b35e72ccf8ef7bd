"""What follows from the equations and lookups of a row: one file a rule. Each is exact modulo p."""

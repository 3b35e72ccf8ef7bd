"""Makes the operations of all dialects known, for whoever meets them by name."""

from zkc.compiler.dialects import air, bus, circ, felt, fill, integer, row, step

__all__ = ["air", "bus", "circ", "felt", "fill", "integer", "row", "step"]

"""From checked syntax to operations of the dialect `circ`: names, types and operators are worked out,
nothing is inlined. A file a kind of thing."""

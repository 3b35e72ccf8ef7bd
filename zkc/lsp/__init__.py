"""`zkc lsp`: what editors ask about .circ files, over the Language Server Protocol."""

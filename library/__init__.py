"""Modules of gadgets that come with zkc: .circ files that programs `use`."""

"""Circuits whose rows are given: values by name, the witness, what does not hold in it, and the receipt."""

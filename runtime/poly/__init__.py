"""Transforms and evaluation of polynomials given by columns."""

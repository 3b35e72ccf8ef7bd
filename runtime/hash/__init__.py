"""Hashes and commitments."""

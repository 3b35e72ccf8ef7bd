"""Receipts: what a segment claims, the chain, and proving many segments."""

"""Execution: the fast run, where it is cut, and the trace of a segment."""

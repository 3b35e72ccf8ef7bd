"""Programs: the loader, and names and lines for messages."""

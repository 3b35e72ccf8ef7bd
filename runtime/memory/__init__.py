"""Memory: where everything lies, pages, their tree and its root."""

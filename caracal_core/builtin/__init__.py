"""Core's own plugins, on the same hooks as strangers'."""

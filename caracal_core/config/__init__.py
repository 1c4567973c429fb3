"""Where each setting comes from, and what it may be."""

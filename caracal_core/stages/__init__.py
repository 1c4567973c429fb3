"""One rule per file, composed over ports; each stage takes values and returns one."""

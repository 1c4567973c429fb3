"""A table of routes, the longest prefix of whole segments first."""

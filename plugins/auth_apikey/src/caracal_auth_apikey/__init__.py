"""API keys that the gateway itself issues, kept as keyed hashes and revocable everywhere."""

"""Bearer tokens signed by a trusted issuer."""

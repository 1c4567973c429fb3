"""Bearer tokens signed by a trusted issuer: JSON Web Tokens (RFC 7519), verified strictly."""

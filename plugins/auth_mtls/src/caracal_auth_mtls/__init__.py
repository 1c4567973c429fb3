"""Client certificates (RFC 5280) that TLS proved, judged anew on every request."""

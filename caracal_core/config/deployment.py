"""The keys that the deployment's ConfigMap and Secret may hold, whoever reads them."""

from __future__ import annotations

DEPLOYMENT_KEYS = frozenset(
    {
        "DB_HOST",
        "DB_PORT",
        "DB_NAME",
        "DB_USER",
        "DB_PASSWORD",
        "DB_POOL_SIZE",
        "DB_MAX_OVERFLOW",
        "DB_POOL_TIMEOUT",
        "GATEWAY_LISTEN_ADDRESS",
        "LISTEN_ADDRESS",
        "OPERATIONS_LISTEN_ADDRESS",
        "OPERATIONS_TOKEN_FILE",
        "AUTH_MODE",
        "AUTH_TRIAL",
        "PLUGINS",
        "LOG_LEVEL",
        "REQUEST_TIMEOUT",
        "MAX_REQUEST_SIZE_MB",
        "JWT_ALGORITHM",
        "JWT_PUBLIC_KEY_PATH",
        "JWT_ISSUER",
        "JWT_AUDIENCE",
        "TLS_MODE",
        "TLS_CERT_FILE",
        "TLS_KEY_FILE",
        "TLS_CA_FILE",
        "ENABLE_REPLAY_PROTECTION",
        "NONCE_CACHE_TTL",
        "NONCE_CACHE_SIZE",
        "TIMESTAMP_WINDOW",
        "ENABLE_POLICY_CACHE",
        "POLICY_CACHE_TTL",
        "POLICY_CACHE_MAX_SIZE",
        "PROVISIONAL_CHARGE_EXPIRATION",
        "PROVISIONAL_CHARGE_MAX_TIMEOUT",
        "PROVISIONAL_CHARGE_CLEANUP_INTERVAL",
        "PROVISIONAL_CHARGE_CLEANUP_BATCH_SIZE",
        "MCP_LISTEN_ADDRESS",
        "MCP_SERVER_TIMEOUT",
        "MCP_SERVERS",
        "CARACAL_DATA_DIR",
        "CARACAL_HASH_KEY_FILE",
        "CARACAL_SIGNING_KEY_FILE",
    }
)
"""One ConfigMap serves gateways and adapters whose plugins differ, so a key that nothing in this
process reads is no error as long as the deployment knows it."""

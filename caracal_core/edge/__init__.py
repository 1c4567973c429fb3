"""The only folder that knows Sanic."""

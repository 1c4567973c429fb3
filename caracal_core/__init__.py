"""Caracal Core: the gateway that AI agents' calls go through."""

"""The commands on API keys."""

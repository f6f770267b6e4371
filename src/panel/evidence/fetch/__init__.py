"""Fetching untrusted pages: where panel may connect, for how long, and for how many bytes."""

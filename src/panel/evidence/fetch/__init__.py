"""Fetching pages of strangers: where panel may connect, for how long, and for how many bytes."""

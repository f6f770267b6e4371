"""A chat request to a provider, and what comes back: paced, retried and kept."""

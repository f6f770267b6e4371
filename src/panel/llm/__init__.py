"""Chat requests to a provider: rate-limited, retried and recorded."""

"""Two tools side by side: what differs between their verdicts, and which one to ship with."""

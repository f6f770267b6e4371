"""Two tools' verdicts side by side, and which one to ship with."""

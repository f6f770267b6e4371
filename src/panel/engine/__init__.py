"""One run from what a user asked for to scorecards on disk; CLI and Python come through here."""

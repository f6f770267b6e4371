"""One tool's scorecard in every format."""

"""Text in the evidence that speaks to the reviewer: its patterns, encodings and detection."""

"""A judge on trial: control tools reviewed by it, and what their verdicts tell about it."""

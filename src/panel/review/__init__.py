"""Turning questions and replies into findings: the two asking strategies."""

"""A judge's bias, fitted on control tools."""

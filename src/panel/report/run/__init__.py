"""A run of many tools on one page."""

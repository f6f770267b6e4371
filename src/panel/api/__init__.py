"""The Python interface; its names are exported by `panel` itself."""

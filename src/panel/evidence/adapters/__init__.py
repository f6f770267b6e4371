"""The adapters, one small file each with an `ADAPTER` in it; `adapter.py` says what one is."""

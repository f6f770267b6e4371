"""The adapters, one small file each with an `ADAPTER` in it; see `panel.evidence.adapter`."""

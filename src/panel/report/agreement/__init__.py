"""How far runs agree, in every format."""

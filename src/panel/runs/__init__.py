"""What a run keeps: its folder, its journal, and what is rebuilt from them."""

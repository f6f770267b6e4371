"""What a calibration measured, as text and as a page."""

"""Measures what the project promises about speed, as ratios side by side in one run: ``make bench``."""

"""embkit's command line."""

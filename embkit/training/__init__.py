"""embkit's trainers."""

"""embkit's readers and writers."""

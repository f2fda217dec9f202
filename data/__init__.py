"""What evaluation reads: the registry of the field's data sets."""

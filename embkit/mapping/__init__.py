"""Cross-lingual mapping of embedding spaces."""

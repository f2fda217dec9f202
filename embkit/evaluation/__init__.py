"""Evaluation of embeddings, with its statistics."""

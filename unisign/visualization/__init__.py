"""Skeletons, normalised parts and text as images."""

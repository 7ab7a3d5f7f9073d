"""Necks: what joins features of several kinds."""

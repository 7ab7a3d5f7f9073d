"""Fixtures for the reports."""

from made_predictions import tool

__all__ = ['tool']

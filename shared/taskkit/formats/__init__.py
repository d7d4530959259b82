"""Readers of dataset formats: pure functions from files to plain rows."""

"""Starts the studio on one machine without Docker. Everything here runs on the standard library alone."""

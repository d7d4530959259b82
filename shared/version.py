"""The version of the studio, in one place. Exports carry it."""

VERSION = "0.1.0"

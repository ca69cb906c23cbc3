"""Payloads that are broken in all ways: a value, or one of our own errors, in bounded memory."""

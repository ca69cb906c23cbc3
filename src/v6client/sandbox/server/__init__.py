"""The sandbox's central server: the API of vantage6 4.15.2 as users, nodes and containers see it.

Copied from the real one are status codes, messages, shapes, orders and warts. Everything that
must survive a ``kill -9`` is in one SQLite file.
"""

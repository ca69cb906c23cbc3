"""Four Grafana dashboards as code, each of which answers a person's question.

``python -m dashboards`` writes the JSON files beside this one. Written with grafana-foundation-sdk,
whose version is pinned in ``pyproject.toml``: it gives the schema's version.
"""

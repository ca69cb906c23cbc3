"""The dashboards as pictures, drawn from their JSON and a real Prometheus and Jaeger.

For documentation, and to look at a dashboard without Grafana: titles, units, colours, thresholds
and legends are those of the JSON, the rest is plain.
"""

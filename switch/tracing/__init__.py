"""Spans of requests and of what shards do for them, to a collector of OpenTelemetry.

May touch HTTP, by the exporter of OpenTelemetry's SDK, which is an extra and loaded only where tracing is on. Whatever becomes of a span,
nobody waits for it.
"""

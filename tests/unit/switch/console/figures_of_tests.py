"""Figures of a switch that is not ready."""

from switch.views.figures import Figures, ShardFigures

FIGURES = Figures(
    process=7,
    taken_at="2026-11-24T12:00:00.000Z",
    ready=False,
    why="shard 0: its journal is being read",
    requests=3,
    server_errors=1,
    results={"ok": 2},
    decisions={},
    fallbacks=0,
    bounds_s=[0.1],
    steps={},
    streams=0,
    shards=[
        ShardFigures(
            shard=0,
            serving=False,
            waiting=4,
            fullest=None,
            fill=0.0,
            fills={},
            clock_off_ms=0,
            behind=0,
            node="",
            disk_free_bytes=None,
            stops=["its journal is being read"],
            warnings=[],
        )
    ],
    packs={},
)

"""Values, verdicts, events and ports: standard library only, no I/O, no asyncio, no clock."""

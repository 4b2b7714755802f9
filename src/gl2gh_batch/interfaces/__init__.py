"""The doors: command line, Action, service. Each parses once and hands a valid request on."""

"""Tools with effects: clock, HTTP, governor, ledger, work directory, git, redaction."""

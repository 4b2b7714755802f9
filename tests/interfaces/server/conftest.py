"""A service on a sandbox, for every test of the HTTP door."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import served
from lab import Lab
from served import Caller


@pytest.fixture
async def caller(lab: Lab) -> AsyncIterator[Caller]:
    """Somebody who asks a service whose GitLab holds the one small project, 17."""
    async with served.serving(lab) as found:
        yield found

"""One scripted endpoint per test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.tools.llm.asked import GOOD
from tests.tools.llm.endpoint import Endpoint, chat, serving


@pytest_asyncio.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    """Answers in form until a test scripts it otherwise."""
    async with serving(chat(GOOD)) as running:
        yield running

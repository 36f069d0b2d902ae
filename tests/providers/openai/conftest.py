"""What the tests of OpenAI's client share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import DefaultHttpxClient

from tests.openai_driver import way

__all__ = ["way"]


@pytest.fixture(scope="session")
def sync_http() -> Iterator[DefaultHttpxClient]:
    """One HTTP client for many: loading the certificates takes longer than most of the cases."""
    with DefaultHttpxClient(verify=False) as http:
        yield http

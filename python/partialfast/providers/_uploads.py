"""What providers' stores of files have in common: a file is sent once, and named in many requests.

A provider has one file, ``_uploads.py`` in its folder, with a class that is an `Uploader`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["Uploader"]


class Uploader(Protocol):
    """Uploads files to a provider."""

    @abstractmethod
    def takes(self, type_: str, size: int) -> bool:
        """Tell whether a request can name such a file; if not, it has to hold it.

        Args:
            type_: Its media type.
            size: Its bytes.
        """

    @abstractmethod
    async def upload(self, name: str, type_: str, data: bytes) -> str:
        """Upload a file; give what the provider calls it.

        Args:
            name: What it is called here.
            type_: Its media type.
            data: What is in it.
        """

    @abstractmethod
    async def has(self, file: str) -> bool:
        """Tell whether the provider still has a file.

        Args:
            file: What the provider calls it.
        """

    @abstractmethod
    def part(self, file: str, type_: str) -> Mapping[str, Any]:
        """Give the part of a message that names a file.

        Args:
            file: What the provider calls it.
            type_: Its media type.
        """

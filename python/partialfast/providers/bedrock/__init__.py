"""Amazon Bedrock's Converse: ``from_bedrock(boto3.client("bedrock-runtime"))``.

Importing this module imports neither ``boto3`` nor ``aioboto3``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from partialfast._hints import refusing
from partialfast.providers.bedrock._client import from_bedrock

__all__ = ["from_bedrock"]

if not TYPE_CHECKING:
    # Hidden from type checkers, which would take any misspelt name for one that exists.
    __getattr__ = refusing(__name__)

"""Amazon Bedrock's Converse: ``from_bedrock(boto3.client("bedrock-runtime"))``.

Importing this module imports neither ``boto3`` nor ``aioboto3``.
"""

from __future__ import annotations

from partialfast.providers.bedrock._client import from_bedrock

__all__ = ["from_bedrock"]

"""Whole documents of the three kinds that JSON libraries publish figures on.

``messages`` (mostly text, in several scripts, with escapes), ``catalogue`` (small objects keyed by
numbers, many small integers) and ``outlines`` (long arrays of floats) are made here from one seed;
``twitter``, ``citm_catalog`` and ``canada`` are the well-known files, read from ``../shared/data``
where that folder is present.
"""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["DOCUMENTS", "document"]

_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "bench"
_SCRIPTS = (
    "good morning to everyone on the early train",
    "今日はとても良い天気ですね、散歩に行きましょう",
    "le café du coin est déjà fermé à cette heure",
    'she said "see you\tthere"\nand left /home\\path',
    "🎉 🚀 finally done 😀",
)


def _messages(draw: random.Random) -> Any:
    def author(number: int) -> dict[str, Any]:
        return {
            "id": number,
            "id_text": str(number),
            "name": draw.choice(_SCRIPTS)[:12],
            "handle": f"writer_{number}",
            "about": draw.choice(_SCRIPTS),
            "url": f"https://example.org/w/{number}" if draw.random() < 0.5 else None,
            "followers": draw.randrange(100_000),
            "verified": draw.random() < 0.1,
            "protected": False,
            "created": "Sun Aug 31 00:29:15 +0000 2014",
        }

    return {
        "messages": [
            {
                "id": draw.randrange(10**18),
                "text": " ".join(draw.choices(_SCRIPTS, k=3)),
                "author": author(number),
                "reply_to": draw.choice((None, draw.randrange(10**18))),
                "language": draw.choice(("en", "ja", "fr")),
                "tags": [{"text": "tag", "indices": [3, 7]} for _ in range(draw.randrange(3))],
                "shared": draw.randrange(1_000),
                "favourite": False,
                "place": None,
            }
            for number in range(700)
        ]
    }


def _catalogue(draw: random.Random) -> Any:
    areas = {str(205_705_993 + number): f"Area {number}" for number in range(200)}
    numbers = [int(key) for key in areas]
    return {
        "areaNames": areas,
        "events": {
            str(key): {
                "description": None,
                "id": key,
                "logo": None,
                "name": f"Concert {key}",
                "subTopicIds": draw.sample(numbers, 4),
                "topicIds": draw.sample(numbers, 2),
            }
            for key in range(138_586_341, 138_586_341 + 400)
        },
        "performances": [
            {
                "eventId": 138_586_341 + draw.randrange(400),
                "id": 339_887_544 + number,
                "logo": None,
                "prices": [
                    {
                        "amount": draw.randrange(10_000, 200_000, 250),
                        "audienceSubCategoryId": 337_100_890,
                        "seatCategoryId": draw.choice(numbers),
                    }
                    for _ in range(4)
                ],
                "seatCategories": [
                    {
                        "areas": [
                            {"areaId": area, "blockIds": []} for area in draw.sample(numbers, 6)
                        ],
                        "seatCategoryId": draw.choice(numbers),
                    }
                    for _ in range(5)
                ],
                "start": 1_372_701_600_000 + number * 86_400_000,
                "venueCode": "PLEYEL_PLEYEL",
            }
            for number in range(300)
        ],
    }


def _outlines(draw: random.Random) -> Any:
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"name": "Coast"},
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [
                        [
                            [draw.uniform(-141, -52), round(draw.uniform(41, 84), 6)]
                            for _ in range(draw.randrange(20, 400))
                        ]
                        for _ in range(250)
                    ],
                },
            }
        ],
    }


_OWN = {"messages": _messages, "catalogue": _catalogue, "outlines": _outlines}
# The well-known files of the first two kinds are indented, that of the third is not.
_INDENT = {"messages": 2, "catalogue": 4, "outlines": None}
_KNOWN = ("twitter", "citm_catalog", "canada")
DOCUMENTS = (*_KNOWN, *_OWN)


@cache
def document(name: str) -> bytes | None:
    """Return the document `name` as UTF-8, or ``None`` where its file is absent."""
    make = _OWN.get(name)
    if make is not None:
        value = make(random.Random(name))
        return json.dumps(value, ensure_ascii=False, indent=_INDENT[name]).encode()
    path = _FOLDER / f"{name}.json"
    return path.read_bytes() if path.is_file() else None

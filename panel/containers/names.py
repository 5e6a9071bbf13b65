"""Friendly names for containers that were given none: a word for the weather, a word for the boat."""

import secrets

WEATHER: tuple[str, ...] = (
    "amber",
    "bright",
    "brisk",
    "calm",
    "clear",
    "cool",
    "crisp",
    "dewy",
    "early",
    "foggy",
    "fresh",
    "gentle",
)
WEATHER += ("golden", "hazy", "mild", "misty", "mellow", "moonlit", "pale", "quiet", "rising", "salty", "serene")
WEATHER += ("silver", "soft", "starry", "steady", "still", "sunlit", "tidal", "warm", "western", "windy")
BOATS: tuple[str, ...] = (
    "barge",
    "brig",
    "buoy",
    "canoe",
    "catboat",
    "clipper",
    "cog",
    "coracle",
    "cutter",
    "dhow",
    "dinghy",
    "dory",
)
BOATS += ("ferry", "frigate", "galley", "gondola", "junk", "kayak", "ketch", "launch", "lugger", "packet", "pinnace")
BOATS += ("pontoon", "punt", "raft", "sampan", "schooner", "skiff", "sloop", "tender", "trawler", "tug", "wherry")


def friendly() -> str:
    """Such as `misty-schooner-4f2a`; not surely free."""
    return f"{secrets.choice(WEATHER)}-{secrets.choice(BOATS)}-{secrets.token_hex(2)}"

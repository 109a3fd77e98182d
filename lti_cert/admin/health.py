"""How a thing is, in a word and a tone, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["done", "info", "waiting", "failed"]


@dataclass(frozen=True)
class Health:
    tone: Tone
    word: str
    advice: str = ""
    """A sentence; empty where nothing is to be done."""

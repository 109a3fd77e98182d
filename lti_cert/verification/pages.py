"""What the public verification page and the holder's page say about one credential, as plain values."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

Standing = Literal["valid", "superseded", "revoked", "damaged", "erased", "unknown"]
Outcome = Literal["passed", "failed", "not_applicable"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, with what came out: so that a reader need not take our word for the whole."""

    label: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True)
class Facts:
    """What is printed on the document, frozen when it was issued."""

    title: str
    course: str
    level: Literal["completion", "distinction"]
    issuer: str
    issued_on: date
    holder: str = ""
    """Empty where the holder hides her name, or where the answer must not tell it."""


@dataclass(frozen=True)
class VerificationPage:
    standing: Standing
    credential_id: str
    facts: Facts | None = None
    """None for an unknown or erased credential."""
    revoked_on: date | None = None
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class HolderPage:
    """What a learner finds at her private address: the document, and what she needs to share it."""

    is_revoked: bool
    credential_id: str
    facts: Facts
    has_document: bool
    waits_for: str
    """Why there is no document yet, a sentence; empty where it is only being made."""
    verify_url: str
    linkedin_url: str
    revoked_on: date | None = None

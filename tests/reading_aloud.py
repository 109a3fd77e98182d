"""The specification's criteria, read slowly for one person: what every faster way of deciding is held against."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from lti_cert.sources.snapshot import Item, Snapshot


def obvious_level(read: Snapshot, rule: Mapping[str, Any], user_id: str) -> str | None:
    """The specification, read aloud for one person."""
    if not all(_holds(read, criterion, "completion", user_id) for criterion in rule["criteria"]):
        return None
    asks_for_more = any(criterion["distinction"] is not None for criterion in rule["criteria"])
    reached = all(_holds(read, criterion, "distinction", user_id) for criterion in rule["criteria"])
    return "distinction" if asks_for_more and reached else "completion"


def _holds(read: Snapshot, criterion: Mapping[str, Any], level: str, user_id: str) -> bool:
    higher = criterion["distinction"] if level == "distinction" else None
    if criterion["kind"] == "discussion_posts":
        posts = read.all_counts().get("discussion_posts", {}).get(user_id, 0)
        return posts >= (criterion["n"] if higher is None else higher)
    return _scores_hold(read, criterion, criterion["completion"] if higher is None else higher, user_id)


def _scores_hold(read: Snapshot, criterion: Mapping[str, Any], percentage: float, user_id: str) -> bool:
    result = {ref: score for ref, scores in read.scores.items() for score in scores if score.user_id == user_id}
    if criterion["items"] == "all":
        asked = [item for item in read.items if item.maximum > 0 and not item.exclusion]
    else:
        asked = [item for item in read.items if item.ref in criterion["items"]]
    left = [item for item in asked if not (item.ref in result and result[item.ref].score is None)]

    def share(item: Item) -> Fraction | None:
        score = result.get(item.ref)
        if score is None or score.score is None or item.maximum <= 0:
            return None
        return Fraction(score.score, item.maximum)

    bar = Fraction(str(percentage)) / 100
    reached = [item for item in left if (reached_share := share(item)) is not None and reached_share >= bar]
    match criterion["kind"]:
        case "each_assessment":
            return bool(left) and len(reached) == len(left)
        case "n_of":
            return len(reached) >= criterion["n"]
        case "average":
            weight = {item.ref: Fraction(str((criterion["weights"] or {}).get(item.ref, 1))) for item in left}
            total = sum(weight.values())
            summed = sum((weight[item.ref] * (share(item) or 0) for item in left), Fraction(0))
            return total > 0 and summed / total >= bar
    raise AssertionError(criterion["kind"])

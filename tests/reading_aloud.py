"""The specification's criteria, read slowly for one person: what every faster way of deciding is held against."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from lti_cert.sources.snapshot import Item, Snapshot


def obvious_level(read: Snapshot, rule: Mapping[str, Any], user_id: str) -> str | None:
    """The specification, read aloud for one person."""
    result = {ref: score for ref, scores in read.scores.items() for score in scores if score.user_id == user_id}
    met = {"completion": True, "distinction": any(c["distinction"] is not None for c in rule["criteria"])}
    for criterion in rule["criteria"]:
        if criterion["kind"] == "discussion_posts":
            posts = read.all_counts().get("discussion_posts", {}).get(user_id, 0)
            met["completion"] = met["completion"] and posts >= criterion["n"]
            met["distinction"] = met["distinction"] and posts >= (criterion["distinction"] or criterion["n"])
            continue
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

        for level in met:
            percentage = (
                criterion["completion"]
                if level == "completion" or criterion["distinction"] is None
                else criterion["distinction"]
            )
            bar = Fraction(str(percentage)) / 100
            reached = [item for item in left if (reached_share := share(item)) is not None and reached_share >= bar]
            match criterion["kind"]:
                case "each_assessment":
                    holds = bool(left) and len(reached) == len(left)
                case "n_of":
                    holds = len(reached) >= criterion["n"]
                case "average":
                    weight = {item.ref: Fraction(str((criterion["weights"] or {}).get(item.ref, 1))) for item in left}
                    total = sum(weight.values())
                    summed = sum((weight[item.ref] * (share(item) or 0) for item in left), Fraction(0))
                    holds = total > 0 and summed / total >= bar
            met[level] = met[level] and holds
    if not met["completion"]:
        return None
    return "distinction" if met["distinction"] else "completion"

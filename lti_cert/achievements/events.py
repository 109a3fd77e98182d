"""What happened to an achievement."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AchievementChanged:
    course_id: int
    achievement_id: int

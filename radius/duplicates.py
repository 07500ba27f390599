"""Remembers answers, so that a repeated request gets the same one (RFC 5080 section 2.2.2)."""

from typing import Final


class Duplicates:
    """Answers by request, bounded by time and by number.

    Two generations of at most `limit` answers each: the younger one fills, and becomes the older one after
    `lifetime` seconds or when it is full, whichever comes first; what was the older one is forgotten. So an
    answer is remembered for at least `lifetime` seconds and at most three times that, and less only when more
    than `limit` others came meanwhile. A generation costs nothing to forget, however many it holds.

    Time comes in as an argument, in seconds of any clock that does not go back.
    """

    __slots__ = ("_began", "_older", "_younger", "lifetime", "limit")

    def __init__(self, lifetime: float = 30.0, limit: int = 50_000) -> None:
        if lifetime <= 0 or limit < 1:
            raise ValueError(f"lifetime {lifetime} and limit {limit} must be positive")
        self.lifetime: Final = lifetime
        self.limit: Final = limit
        self._younger: dict[object, bytes] = {}
        self._older: dict[object, bytes] = {}
        self._began = float("-inf")

    def __len__(self) -> int:
        return len(self._younger) + len(self._older)

    def turn(self, now: float) -> None:
        """Begin a new generation if it is time; call it before `answer` and `remember`, once for a batch."""
        age = now - self._began
        if age >= self.lifetime:
            self._older = self._younger if age < 2 * self.lifetime else {}
            self._younger = {}
            self._began = now

    def answer(self, key: object) -> bytes | None:
        """What was answered to the request, None when it is new."""
        return self._younger.get(key) or self._older.get(key)

    def remember(self, key: object, answer: bytes, now: float) -> None:
        """Keep the answer to a request."""
        if len(self._younger) >= self.limit:
            self._older, self._younger, self._began = self._younger, {}, now
        self._younger[key] = answer

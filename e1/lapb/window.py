"""Information of a LAPB link that is not acknowledged; the variables V(A) and V(S) (X.25 2.4.5)."""

from __future__ import annotations

from collections import deque

MODULUS = 8


class Window:
    """The sending side: first the I frames that are out, then those that wait. At most ``k`` are out."""

    def __init__(self, k: int) -> None:
        self._k = k
        self._queue: deque[bytes] = deque()
        self._va = 0
        self.out = 0
        """V(S) - V(A): I frames that wait for an acknowledgement."""
        self.most_out = 0
        """The highest value of ``out``; it is more than ``out`` after going back. The peer may acknowledge so many."""

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def vs(self) -> int:
        """V(S): the number of the I frame that is sent next."""
        return (self._va + self.out) % MODULUS

    @property
    def open(self) -> bool:
        """Whether an I frame waits and may be sent."""
        return self.out < min(len(self._queue), self._k)

    def append(self, data: bytes) -> None:
        """Append the information of an I frame."""
        self._queue.append(data)

    def take(self) -> tuple[int, bytes, bool]:
        """The next I frame: N(S), information, and whether it was out before. V(S) goes up."""
        ns, data, again = self.vs, self._queue[self.out], self.out < self.most_out
        self.out += 1
        self.most_out = max(self.most_out, self.out)
        return ns, data, again

    def valid(self, nr: int) -> bool:
        """Whether N(R) acknowledges only I frames that were out."""
        return (nr - self._va) % MODULUS <= self.most_out

    def acknowledge(self, nr: int) -> int:
        """V(A) := a valid N(R); returns the number of I frames that it acknowledges."""
        done = (nr - self._va) % MODULUS
        for _ in range(done):
            self._queue.popleft()
        self._va = nr
        self.most_out -= done
        self.out = max(self.out - done, 0)
        return done

    def go_back(self) -> None:
        """V(S) := V(A): the I frames that are out are sent again."""
        self.out = 0

    def zero(self) -> None:
        """V(A) and V(S) := 0; the queue stays."""
        self._va = self.out = self.most_out = 0

    def drop(self) -> int:
        """Drop the queue; returns its length."""
        lost = len(self._queue)
        self._queue.clear()
        self.out = self.most_out = 0
        return lost

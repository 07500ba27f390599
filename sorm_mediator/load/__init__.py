"""Load on a mediator: calls at a rate, every event of each checked at the console, and how long all of it took."""

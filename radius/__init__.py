"""RADIUS accounting between switch and mediator: call reports, who receives them, who sends them."""

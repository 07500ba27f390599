"""What a mediator meets in the switch: who is let in, what it asks of one domain or of many, where its reports go."""

"""One mediator that sees many domains as one exchange (MultiSORM). Source: ECSS-10 manual, MultiSORM."""

"""Routing in one domain: contexts read from XML, masks, and numbering plans. Pure."""

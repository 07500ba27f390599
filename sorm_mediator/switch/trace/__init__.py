"""What routing would do with a call, for people and programs, without making it."""

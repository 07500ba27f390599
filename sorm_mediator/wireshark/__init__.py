"""A dissector of the protocol for Wireshark, in Lua, made from the declarations of :mod:`protocol`."""

"""Captures: reading hex, dumps, binary, pcap and pcapng into units, and writing pcapng."""

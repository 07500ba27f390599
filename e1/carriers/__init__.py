"""What carries an E1 stream, or a channel of one: memory, SAToP over UDP, a serial port, XOT over TCP."""

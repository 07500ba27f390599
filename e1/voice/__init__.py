"""Speech: A-law, tones, RTP, and the matrix that connects the parties of calls to KSL lines."""

"""Speech: A-law, tones, RTP, and the matrix that puts the parties of calls on KSL lines."""

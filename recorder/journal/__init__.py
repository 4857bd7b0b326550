"""What one process writes and others read: frames, the segments they lie in, and whether their writer lives."""

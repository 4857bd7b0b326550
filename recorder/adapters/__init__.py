"""What ties the recorder to frameworks beyond their events; nothing here imports one at module level."""

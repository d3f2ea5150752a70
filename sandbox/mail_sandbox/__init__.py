"""The world outside the mail stack, for trying out: a relay that answers like Gmail, and a receiver of traces."""

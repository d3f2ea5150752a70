"""A stand-in for the servers outside of the mail stack: a relay that answers like Gmail, and a receiver of traces."""

"""`make soak`: hours of mail in minutes, with every hop failing in turn, and an account of every mail at the end."""

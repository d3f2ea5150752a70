"""`make soak`: mixed mail while every hop fails in turn, and a check of every mail's outcome at the end."""

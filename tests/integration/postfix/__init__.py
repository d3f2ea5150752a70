"""The mail server on its real image: whom it refuses, what it never loses, what it says when it is set up wrongly."""

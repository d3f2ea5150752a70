"""HTTP in, SMTP out: takes a mail from a website and hands it to Postfix."""

"""`python -m mail_ledger` runs the command `mail-ledger`."""

from mail_ledger.cli import main

if __name__ == "__main__":
    main()

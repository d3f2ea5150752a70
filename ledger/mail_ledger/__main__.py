"""`python -m mail_ledger` is the command `mail-ledger`."""

from mail_ledger.cli import main

if __name__ == "__main__":
    main()

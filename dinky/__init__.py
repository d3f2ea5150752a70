"""`make dinky`: what Dinky Mail brings into a Dinky Server's own folder, checks there, and takes away again.

A run reads the folder (`folder`), works out what there should be (`plan`), shows it, and writes it (`__main__`):

- `needs/` names each change in the server's own files, as a function from a file's text to its new text;
- `publication` and `links` find what the check reports beside that, and the installer does not change;
- `bring` names the files that are ours altogether: rules and dashboards;
- `record` is the memory of what was done, `merge` undoes it where the operator has changed the same file since.
"""

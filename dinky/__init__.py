"""`make dinky`: installs Dinky Mail's rules, dashboards, routes and links into a Dinky Server, checks and removes them.

A run reads the server's files (`server_folder`), plans what to write (`installation`), prints it (`output`), and writes
it (`__main__`):

- `changes/` has the changes of the server's own files, each a function from a text to its new text (`yaml_edit`);
- `rules_and_dashboards` has the files that only we write;
- `reverse_proxy` checks Traefik and the tunnel, which the installer does not change;
- `install_record` stores what was done; `merge` removes our lines from files that have been changed since.
"""

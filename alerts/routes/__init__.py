"""Who is told, and how: Alertmanager's configuration, made from variables, since it expands none itself."""

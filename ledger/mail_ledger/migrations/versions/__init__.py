"""One Alembic script per schema change. A released script never changes; the only way back is a backup."""

"""Alembic's way in: migrations run in the transaction that `service.adapters.store.migrate` opened and locked."""

from alembic import context

from service.adapters.store.app_schema import app_records

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=app_records.metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()

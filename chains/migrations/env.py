"""Alembic runs this file: the migrations go through the transaction of whoever called `migrate`."""

from alembic import context

from chains.migrations import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
context.run_migrations()

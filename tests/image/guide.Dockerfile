FROM python:3.11-slim

# System dependencies
RUN apt-get update && apt-get install -y gcc g++ curl && rm -rf /var/lib/apt/lists/*

# Non-root user (REQUIRED: UID must be 1000)
RUN useradd -m -u 1000 user
USER user
ENV HOME=/home/user PATH=/home/user/.local/bin:$PATH
WORKDIR $HOME/app

# Python dependencies (REQUIRED: --chown=user)
COPY --chown=user requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

# Application code (REQUIRED: --chown=user)
COPY --chown=user . .

# Health check
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD curl -f http://localhost:7860/api/health || exit 1

# REQUIRED: Port must be 7860
EXPOSE 7860
CMD ["uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "7860"]

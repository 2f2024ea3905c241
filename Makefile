LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.venv/bin/uv:
	python3 -m venv .venv
	.venv/bin/pip install --quiet uv

lock: .venv/bin/uv
	$(LOCK) pyproject.toml --output-file requirements.txt
	$(LOCK) pyproject.toml --group dev --constraints requirements.txt --output-file requirements-dev.txt

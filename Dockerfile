# docker build --tag swap-exporter .
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY requirements requirements
COPY src src
RUN python3 -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes --requirement=requirements/build.txt \
    && /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir=/wheels . \
    && python3 -m venv /opt/swap-exporter \
    && /opt/swap-exporter/bin/pip install --no-cache-dir --require-hashes --requirement=requirements/run.txt \
    && /opt/swap-exporter/bin/pip install --no-cache-dir --no-deps --no-index /wheels/*.whl \
    && /opt/swap-exporter/bin/pip uninstall --yes --quiet pip setuptools

FROM ${BASE}
ARG VERSION REVISION
LABEL org.opencontainers.image.title="swap-exporter" \
      org.opencontainers.image.description="Tells which processes lie stranded in swap, and what that will cost" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/swap-exporter /opt/swap-exporter
# Nobody, who can read the swap, CPU time and title of every process that /proc shows: of the host's with its pid
# namespace (--pid=host, hostPID). Proportional swap needs CAP_SYS_PTRACE as well, and exact swap-in CAP_NET_ADMIN.
# Most runtimes grant capabilities to root only, so for these: --user=0 --cap-drop=ALL --cap-add=...
# docs/privileges.md has what this risks.
USER 65534:65534
EXPOSE 10059
# No HEALTHCHECK: a Python started for each would cost more than the exporter, whose scrapes tell as much.
ENTRYPOINT ["/opt/swap-exporter/bin/swap-exporter"]

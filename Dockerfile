# The two Python services: one build, two targets. Build context: the repository's root.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS python
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libpq5 python3 \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
        /usr/lib/python3.*/test /usr/lib/python3.*/pydoc_data /usr/lib/python3.*/lib-dynload/_test* \
        /usr/lib/python3.*/_pyrepl
# Without the last one every counter has a second series (`_created`).
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TYPER_USE_RICH=false \
    PROMETHEUS_DISABLE_CREATED_SERIES=true
# The same uid for both services: they share the ledger's files, and the exporter reads the mail log by its group.
RUN groupadd --gid 10001 mailsvc \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin mailsvc \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/mail-ledger

FROM python AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev python3-dev python3-pip python3-venv
WORKDIR /src
COPY requirements/build.txt requirements/
RUN python3 -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements/build.txt
COPY requirements/api.txt requirements/exporter.txt requirements/
# --without-pip: the images have no program that installs software.
RUN for service in api exporter; do \
        python3 -m venv --without-pip "/opt/$service" \
        && python3 -m pip --python "/opt/$service/bin/python" install --no-cache-dir --no-compile --require-hashes \
            -r "requirements/$service.txt" || exit 1; \
    done
COPY exporter exporter
COPY ledger ledger
COPY telemetry telemetry
RUN PATH=/opt/build/bin:$PATH exporter/compile /opt/exporter
COPY pyproject.toml README.md LICENSE ./
COPY api api
COPY check check
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
    && for service in api exporter; do \
        python3 -m pip --python "/opt/$service/bin/python" install --no-cache-dir --no-compile --no-deps --no-index \
            /wheels/*.whl || exit 1; \
        sed --in-place "s|/opt/$service/bin/python|/opt/venv/bin/python|" "/opt/$service"/bin/mail-*; \
    done
COPY requirements/slim requirements/
RUN for service in api exporter; do requirements/slim "/opt/$service" || exit 1; done

FROM python AS dinky-packages
RUN apt-get update && apt-get install --yes --no-install-recommends python3-pip python3-venv
WORKDIR /src
COPY requirements/dinky.txt requirements/
RUN python3 -m venv --without-pip /opt/dinky \
    && python3 -m pip --python /opt/dinky/bin/python install --no-cache-dir --no-compile --require-hashes \
        -r requirements/dinky.txt

# `make dinky` (dev/dinky): Python and two packages. It runs as the caller's user. The project's code is mounted, so
# that a new commit needs no new image.
FROM python AS dinky
COPY --from=dinky-packages /opt/dinky /opt/venv
ENTRYPOINT ["python3", "-m", "dinky"]

# The same with Docker's command, for `save-queue` and `send-queue`.
FROM dinky AS dinky-queue
RUN apt-get update && apt-get install --yes --no-install-recommends docker-cli && rm -rf /var/lib/apt/lists/*

FROM python AS mail-api
COPY --from=build /opt/api /opt/venv
USER 10001:10001
EXPOSE 20001 9464
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python3", "-m", "mail_telemetry.healthcheck", "http://127.0.0.1:20001/health"]
ENTRYPOINT ["mail-api"]
# Last, so that a new commit rebuilds no other layer.
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="dinky-mail mail-api" \
      org.opencontainers.image.description="HTTP in, SMTP out: POST /send for contact forms" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/nahuelsantos/dinky-server" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"

FROM python AS mail-exporter
COPY --from=build /opt/exporter /opt/venv
USER 10001:10001
EXPOSE 9154
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python3", "-m", "mail_telemetry.healthcheck", "http://127.0.0.1:9154/health"]
ENTRYPOINT ["mail-exporter"]
CMD ["run"]
# Last, so that a new commit rebuilds no other layer.
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="dinky-mail mail-exporter" \
      org.opencontainers.image.description="Postfix log and queue in; metrics and traces out" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/nahuelsantos/dinky-server" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"

#!/bin/bash
# The part of the upstream entrypoint that we use: POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB on the first start,
# then the server, reachable from other containers by password.
set -euo pipefail

PATH=$(echo /usr/lib/postgresql/*/bin):$PATH

make_cluster() {
    local user=${POSTGRES_USER:-postgres}
    : "${POSTGRES_PASSWORD:?set POSTGRES_PASSWORD}"
    # Without a locale around, the encoding would be none at all.
    initdb --encoding=UTF8 --locale=C.UTF-8 --username="$user" --pwfile=<(printf %s "$POSTGRES_PASSWORD") \
        --auth=scram-sha-256 >/dev/null
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    if [[ ${POSTGRES_DB:-$user} != postgres ]]; then
        # One command before anybody listens: single-user mode takes it from standard input.
        echo "CREATE DATABASE \"${POSTGRES_DB:-$user}\";" | postgres --single -D "$PGDATA" postgres >/dev/null
    fi
}

[[ -s $PGDATA/PG_VERSION ]] || make_cluster
if [[ ${1:-postgres} == postgres ]]; then
    exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp "${@:2}"
fi
exec "$@"

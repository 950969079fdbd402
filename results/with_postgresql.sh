#!/bin/bash
# Runs a command beside a PostgreSQL server of its own, which goes away afterwards: with_postgresql.sh COMMAND [ARGUMENT…]
#
# The command finds NORMACT_TEST_POSTGRESQL, a URL; NORMACT_TEST_POOLER, the same through PgBouncer, which gives each
# transaction another of few connections; PGPASSFILE, which lets it in; and NORMACT_TEST_POSTGRESQL_CONTROL, a program that
# takes start, stop or kill.
set -euo pipefail

programs=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -1)
[ -n "$programs" ] || { echo "PostgreSQL is missing: tools/setup --tests installs it" >&2; exit 1; }
# In memory where there is room, so that no test waits for a disk; TMPDIR says otherwise, for measurements.
if [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] && [ "$(df --output=avail -m /dev/shm | tail -1)" -gt 4000 ]; then
    folder=$(mktemp -d -p /dev/shm)
else
    folder=$(mktemp -d)
fi
chmod 755 "$folder"
as_user=()
if [ "$(id -u)" = 0 ]; then  # the server refuses to run as root
    as_user=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    chown postgres "$folder"
fi

password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
export PGPASSFILE="$folder/pgpass"
(umask 077 && echo "*:*:*:*:$password" > "$PGPASSFILE" && echo "$password" > "$folder/password")
[ "${#as_user[@]}" = 0 ] || chown postgres "$folder/password"
"${as_user[@]}" "$programs/initdb" --pgdata="$folder/data" --username=normact --pwfile="$folder/password" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-sync > "$folder/log" 2>&1
free_port() {
    local port=$((10000 + RANDOM % 22000))  # below those that the system gives to clients
    while (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do port=$((10000 + RANDOM % 22000)); done
    echo "$port"
}
port=$(free_port)

cat > "$folder/control" <<END
#!/bin/bash
set -eu
case "\$1" in
start)  # after a kill, the server's processes need a moment to notice
    for try in 1 2 3 4 5 6 7 8 9 10; do
        ${as_user[*]} "$programs/pg_ctl" start --pgdata="$folder/data" --log="$folder/server-log" --wait \\
            --options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=1000" \\
            > /dev/null 2>&1 && exit 0
        sleep 0.5
    done
    exit 1 ;;
discard) ${as_user[*]} "$programs/pg_ctl" stop --pgdata="$folder/data" --mode=immediate --wait > /dev/null ;;
stop) ${as_user[*]} "$programs/pg_ctl" stop --pgdata="$folder/data" --mode=fast --wait > /dev/null ;;
kill) kill -KILL "\$(head -1 "$folder/data/postmaster.pid")" ;;
esac
END
chmod +x "$folder/control"
finish() {
    [ ! -s "$folder/pooler.pid" ] || kill "$(cat "$folder/pooler.pid")" 2> /dev/null || true
    # What it holds is thrown away. A machine that is too busy to end it in time must not keep the server for ever.
    "$folder/control" discard 2> /dev/null || "$folder/control" kill 2> /dev/null || true
    for _ in 1 2 3 4 5; do  # after a kill, its processes write for a moment more
        rm -rf "$folder" 2> /dev/null && break
        sleep 1
    done
}
trap finish EXIT
"$folder/control" start || { cat "$folder"/*log >&2; exit 1; }
PGPASSWORD=$password "$programs/createdb" --host=127.0.0.1 --port="$port" --username=normact normact

pooler=$(free_port)
(umask 077 && echo "\"normact\" \"$password\"" > "$folder/users" && cat > "$folder/pooler.ini" <<END
[databases]
normact = host=127.0.0.1 port=$port
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $pooler
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $folder/users
pool_mode = transaction
default_pool_size = 20
max_client_conn = 3000
logfile = $folder/pooler-log
pidfile = $folder/pooler.pid
END
)
[ "${#as_user[@]}" = 0 ] || chown postgres "$folder" "$folder/users" "$folder/pooler.ini"
"${as_user[@]}" pgbouncer --daemon --quiet "$folder/pooler.ini" || { cat "$folder/pooler-log" >&2; exit 1; }

export NORMACT_TEST_POSTGRESQL="postgresql://normact@127.0.0.1:$port/normact"
export NORMACT_TEST_POOLER="postgresql://normact@127.0.0.1:$pooler/normact"
export NORMACT_TEST_POSTGRESQL_CONTROL="$folder/control"
"$@"

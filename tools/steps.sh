# shellcheck shell=bash
# Sourced by the scripts here: the steps of a long set-up, told on standard error and logged in .deps/setup.log.

log=$PWD/.deps/setup.log
mkdir -p .deps

fail() {
    echo "normact: $*" >&2
    exit 1
}

# Copies standard input to the log and, on a terminal, shows its last line in place.
show_and_log() {
    local line width
    if [[ ! -t 2 ]]; then
        cat >>"$log"
        return
    fi
    width=$(tput cols 2>/dev/null || echo 80)
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$log"
        printf '\r\033[K  %s' "${line:0:width-3}" >&2
    done
    printf '\r\033[K' >&2
}

# step WHAT COMMAND…: runs the command; if it fails, shows the end of its output and where the rest is.
step() {
    local what=$1 start=$SECONDS before
    shift
    echo "normact: $what" >&2
    printf '== %s: %s\n' "$(date '+%F %T')" "$*" >>"$log"
    before=$(wc -l <"$log")
    if "$@" </dev/null 2>&1 | show_and_log; then
        ((SECONDS - start < 5)) || echo "normact:   done in $((SECONDS - start)) s" >&2
        return
    fi
    echo "normact: failed: $what. The last lines of $log:" >&2
    tail -n "+$((before + 1))" "$log" | tail -n 20 | sed 's/^/  /' >&2
    return 1
}

# One set-up or build at a time in this folder; others wait. Held until `unlock` or the shell's end.
lock() {
    exec 9>.deps/lock
    flock -n 9 && return
    echo "normact: another set-up or build is running here; waiting for it" >&2
    flock 9
}
unlock() { exec 9>&-; }

# The LibTorch to build with: the user's own, or what tools/setup installed.
libtorch_folder() {
    local wheel=(.deps/venv/lib/python3*/site-packages/torch)
    realpath "${NORMACT_LIBTORCH:-${wheel[0]}}"
}

# configured OPTION=VALUE…: whether the release preset is configured with these.
configured() {
    local option
    for option in "$@"; do
        grep -q -x -s "${option%%=*}:[^=]*=${option#*=}" build/release/CMakeCache.txt || return 1
    done
}

# configure OPTION=VALUE…
configure() { step "configuring" cmake --preset release "${@/#/-D}"; }

# Compilers of LibTorch's headers take up to 2 GiB each.
parallel_jobs() {
    local cores gibibytes limit
    cores=$(nproc)
    gibibytes=$(awk '/^MemAvailable:/ {print int($2 / 1048576)}' /proc/meminfo)
    # A container's limit.
    limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
    if [[ $limit != max ]] && ((limit >> 30 < gibibytes)); then gibibytes=$((limit >> 30)); fi
    echo $((gibibytes / 2 >= cores ? cores : gibibytes / 2 >= 1 ? gibibytes / 2 : 1))
}

# build TARGET…: says nothing where nothing is to do.
build() {
    local dry_run
    dry_run=$(ninja -C build/release -n "$@" 2>&1) || true
    [[ $dry_run == *"no work to do"* ]] || step "building $*" ninja -C build/release -j "$(parallel_jobs)" "$@"
}

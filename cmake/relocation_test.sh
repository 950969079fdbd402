#!/usr/bin/env bash
# relocation_test.sh BUILD_FOLDER LIBTORCH [PYTHON]: installs normact, moves the tree, and runs it as another machine
# would: in a root folder that holds a shell, the C library and LibTorch, and nothing else. Where LibTorch is that of
# PYTHON's torch, also imports the package from there. Skipped (77) where this takes rights that the user has not.
set -euo pipefail
PATH+=:/usr/sbin:/sbin  # chroot

build=$1
libtorch=$(realpath "$2")
python=${3:-python3}
there=$(mktemp -d)
trap 'rm -rf --one-file-system "$there"' EXIT
root=$there/root

fail() {
    echo "FAILED: $*"
    exit 1
}

# What is mounted inside is gone with the last process inside.
if unshare --mount true 2>/dev/null; then
    inside=(unshare --mount)
elif unshare --user --map-root-user --mount true 2>/dev/null; then
    inside=(unshare --user --map-root-user --mount)
else
    echo "neither root nor user namespaces: not tested"
    exit 77
fi

cmake --install "$build" --prefix "$there/first" >"$there/install.log"
mkdir -p "$root"/{opt,proc,sys,dev,tmp,site/torch,site/nvidia}
mv "$there/first" "$root/opt/normact"

size=$(du --summarize --block-size=1M "$root/opt/normact" | cut -f 1)
echo "$size MiB: $(cd "$root/opt/normact" && echo bin/* libexec/* lib/*)"
((size < 64)) || fail "the tree is larger than 63 MiB"
! grep -rF "$build" "$root/opt/normact" || fail "the tree names the folder that it was built in"

programs=(/bin/sh /usr/bin/readlink /usr/bin/dirname /bin/cat)
mapfile -t libraries < <(ldd "${programs[@]}" | grep -oE '/[^ ]+\.so[^ ]*' | sort -u)
c_library=$(printf '%s\n' "${libraries[@]}" | grep '/libc\.so')
cp --parents --dereference "${programs[@]}" "${libraries[@]}" "${c_library%libc.so*}"lib{m,dl,rt,pthread,util,resolv}.so.[0-9] "$root"
[[ -z $(find "$root/lib" "$root/lib64" -name 'libstdc++*') ]] || fail "that root folder holds more than the C library"

# in_root COMMAND…: runs it there, with LibTorch in /site/torch and the wheels that it needs beside it.
in_root() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    "${inside[@]}" bash -euc '
        root=$1 libtorch=$2
        shift 2
        for folder in proc sys dev; do mount --rbind "/$folder" "$root/$folder"; done
        mount --bind "$libtorch" "$root/site/torch"
        if [[ -d $libtorch/../nvidia ]]; then mount --bind "$libtorch/../nvidia" "$root/site/nvidia"; fi
        exec chroot "$root" /usr/bin/env -i "$@"
    ' in_root "$root" "$libtorch" "$@"
}
cp --parents --dereference /usr/bin/env "$root"

echo "== without LibTorch"
in_root /opt/normact/bin/normact --help 2>&1 | tee "$there/message" && fail "it started without LibTorch"
grep -q 'no LibTorch' "$there/message" || fail "it does not say what is missing"

echo "== with it"
in_root NORMACT_LIBTORCH=/site/torch /opt/normact/bin/normact compare ReLU BN-ReLU --preset demo \
    --set scoring.dataset.name=synthetic --set scoring.training.steps=4 --set scoring.quality.steps=2

if [[ $("$python" -c 'import os, torch; print(os.path.realpath(torch.__path__[0]))' 2>/dev/null) == "$libtorch" ]]; then
    echo "== its Python package"
    packages=$(dirname "$(find "$root/opt/normact" -path '*/python/normact')")
    (cd "$there" && PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$packages "$python" -c '
import sys, torch, normact
assert normact.__file__.startswith(sys.argv[1]), normact.__file__
model = torch.nn.Sequential(torch.nn.BatchNorm2d(8), torch.nn.ReLU())
model, report = normact.replace_norm_activation(model, "EvoNorm-S0")
print(report, model(torch.ones(2, 8, 3, 3)).shape)' "$packages") || fail "the installed package cannot be imported"
fi

echo "== with a link to it"
ln -s /site/torch "$root/opt/normact/libtorch"
in_root /opt/normact/bin/normact show BN-ReLU

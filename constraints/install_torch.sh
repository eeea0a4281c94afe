#!/usr/bin/env bash
# Install PyTorch: the CPU build where there is no NVIDIA GPU, the platform's default build where there is.
#
# On Linux the default build brings several gigabytes of CUDA libraries. Which builds are on offer is
# decided by pip's own configuration; this script only says which are wanted.
# With CI set, a machine without a GPU refuses the CUDA build instead of downloading it.
#
# Usage: PIP="python -m pip" constraints/install_torch.sh torch==X torchvision==Y
set -euo pipefail

here=$(dirname "$0")
install() { $PIP install -c "$here/py3.txt" "$@"; }

if [ "$(uname -s)" != Linux ] || command -v nvidia-smi > /dev/null; then
    install "$@"
elif install -c "$here/no-cuda.txt" "$@"; then
    :
elif [ -n "${CI:-}" ]; then
    echo "pip offers no CPU build of $*: add PyTorch's CPU index to pip's configuration." >&2
    exit 1
else
    echo "pip offers no CPU build of $*: installing the CUDA build, which also runs on the CPU." >&2
    echo "(PyTorch's installation page names the CPU index; PIP_EXTRA_INDEX_URL=... saves gigabytes.)" >&2
    install "$@"
fi

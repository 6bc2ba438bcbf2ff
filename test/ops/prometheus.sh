# For scripts that need Prometheus and promtool, which come with Debian's prometheus. To be sourced.

servers() { pgrep -x prometheus | sort || true; }

# The package would start a server, and again at each boot: only its programs are wanted.
install_prometheus() {
  local policy=/usr/sbin/policy-rc.d before made=
  before=$(servers)
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=$policy
  fi
  # shellcheck disable=SC2064
  trap "rm -f ${made:-/dev/null/none}" RETURN
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >/dev/null
  apt-get install -y -qq --no-install-recommends prometheus >/dev/null 2>&1
  for unit in prometheus prometheus-node-exporter; do
    if command -v systemctl >/dev/null; then systemctl disable "$unit" >/dev/null 2>&1 || true; fi
    if command -v update-rc.d >/dev/null; then update-rc.d "$unit" disable >/dev/null 2>&1 || true; fi
  done
  if [ "$(servers)" != "$before" ]; then
    echo 'installing prometheus has left one running' >&2
    return 1
  fi
}

# Root installs it where it is missing.
need_prometheus() {
  if command -v promtool >/dev/null && command -v prometheus >/dev/null; then return; fi
  if [ "$(id -u)" -ne 0 ]; then
    echo 'prometheus is missing: as root, apt-get install --no-install-recommends prometheus' >&2
    exit 2
  fi
  install_prometheus
}

#!/usr/bin/env bash
# Runs the README's commands (readme-commands.sh) as an ordinary user that is made for it, on a fresh
# copy of what is committed, below a home that only this user can enter. Usage: readme-as-user.sh CHECKOUT
set -euo pipefail
checkout=${1:?usage: readme-as-user.sh CHECKOUT}
commands=$(cd "$(dirname "$0")" && pwd)/readme-commands.sh

if [ "$(id -u)" -ne 0 ]; then
  home=$(mktemp -d)
  git clone --quiet "$checkout" "$home/reinstate"
  bash "$commands" "$home/reinstate"
  rm -rf "$home"
  exit 0
fi

user=reinstate-reader
id "$user" >/dev/null 2>&1 || useradd --create-home "$user"
home=$(getent passwd "$user" | cut -d: -f6)
chmod 700 "$home"
rm -rf "$home/reinstate" "$home/readme-commands.sh"
git -c safe.directory='*' clone --quiet "$checkout" "$home/reinstate"
cp "$commands" "$home/readme-commands.sh"
chown -R "$user": "$home/reinstate" "$home/readme-commands.sh"
runuser -u "$user" -- env -i HOME="$home" PATH="$PATH" USER="$user" LANG=C.UTF-8 CI=true NO_COLOR=1 \
  bash "$home/readme-commands.sh" "$home/reinstate"
rm -rf "$home/reinstate" "$home/readme-commands.sh"

# Shared by scripts: the repository's root as working directory, progress lines on stderr, in colour
# only where a person looks at them, and fresh roots of Debian from the machine's own mirrors.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ -t 2 && -z "${NO_COLOR:-}" ]]; then
  bold=$'\e[1m' plain=$'\e[0m'
else
  bold='' plain=''
fi

step() { printf '%s==> %s%s\n' "$bold" "$*" "$plain" >&2; }

die() {
  printf '%s: error: %s\n' "${0##*/}" "$1" >&2
  [[ -z "${2:-}" ]] || printf 'hint: %s\n' "$2" >&2
  exit 1
}

# make_debian_root SUITE ROOT [OPTION of mmdebstrap…]
make_debian_root() {
  local suite=$1 root=$2 settings
  shift 2
  command -v mmdebstrap >/dev/null || die "mmdebstrap is missing" "Run apt-get install mmdebstrap."
  settings=$(mktemp)
  apt-config dump Acquire | grep -E '^Acquire::(Check|http|https)' > "$settings" || true
  script/debian-sources --suite "$suite" | mmdebstrap --quiet --aptopt="$settings" "$@" "$suite" "$root" -
  rm -f "$settings"
}

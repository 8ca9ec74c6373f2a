# Shared by the scripts beside it: the repository's root as working directory, and progress lines
# on stderr, in colour only where a person looks at them.
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

# Shared by scripts: the repository's root as working directory, progress lines on stderr, in colour
# only where a person looks at them, and roots of Debian from the machine's own mirrors.
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

project_version() { sed -n 's/^project(.* VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt; }

# copy_tree DIRECTORY: the repository's files as they are, uncommitted changes included.
copy_tree() {
  git ls-files -z --cached --others --exclude-standard | tar --create --null --files-from=- | tar --extract --directory="$1"
}

# What is worth keeping for every clone of this repository.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/agent-secrets

# A root of Debian is kept for a week as ~/.cache/agent-secrets/roots/NAME-KEY.tar.
# kept_root NAME FILE…: prints that path; the key is a hash of the files, which decide the content of the root.
kept_root() {
  local name=$1
  shift
  printf '%s/roots/%s-%s.tar' "$cache" "$name" "$(cat "$@" | sha256sum | cut --characters=-16)"
}

is_kept() { [[ -n $(find "$1" -mtime -7 2>/dev/null) ]]; }

# keep_root FILE PATH: copies FILE to a path of kept_root, whole or not at all, and removes the roots of earlier keys
# and what a killed script left.
keep_root() {
  local file=$1 kept=$2 name
  name=$(basename "${kept%-*}")
  mkdir -p "$(dirname "$kept")"
  cp "$file" "$kept.$$"
  find "$(dirname "$kept")" \( -name "$name-????????????????.tar" -o -name "$name-*.tar.*" -mmin +60 \) -delete
  mv "$kept.$$" "$kept"
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

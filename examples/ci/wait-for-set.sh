#!/bin/sh
# Waits until a secret set's newest version is ready, with curl alone, wherever a pipeline runs.
# Usage: wait-for-set.sh SET [SECONDS]
# Environment: PIPECAT_API_HOST, PIPECAT_TOKEN, and PIPECAT_ORG for a token that reaches several organizations.
# Exit codes: 0 ready, 3 failed, 4 still not ready after SECONDS (120), 1 any other failure, 2 wrong usage.
# On the control plane's own host, `secret-control-plane set wait SET` does the same, image pull secrets too.
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  echo "usage: wait-for-set.sh SET [SECONDS]" >&2
  exit 2
fi
set_name=$1
deadline=$(($(date +%s) + ${2:-120}))
url=${PIPECAT_API_HOST:?is not set}/v1${PIPECAT_ORG:+/organizations/$PIPECAT_ORG}/secrets/$set_name
: "${PIPECAT_TOKEN:?is not set}"

# Of SECONDS, what is left.
left() {
  echo $((deadline - $(date +%s)))
}

# No request may take longer than what is left, or than 10 s; 1 s it always has.
patience() {
  seconds=$(left)
  if [ "$seconds" -gt 10 ]; then seconds=10; fi
  if [ "$seconds" -lt 1 ]; then seconds=1; fi
  echo "$seconds"
}

# The body, then the HTTP status on a line of its own; 000 where nothing answers. The token goes to curl on standard
# input, because a command line is for everyone on the machine to read.
ask() {
  printf 'header = "Authorization: Bearer %s"\n' "$PIPECAT_TOKEN" |
    curl --silent --max-time "$(patience)" --config - --write-out '\n%{http_code}' "$url" || true
}

while :; do
  answer=$(ask)
  status=${answer##*
}
  case $status in
    200) seen="an answer without a status" ;;
    000 | 429 | 5??) seen="no answer (HTTP $status)" ;;
    *)
      echo "wait-for-set: $set_name: $answer" >&2
      exit 1
      ;;
  esac
  # Quotes inside of a text are escaped, so none can look like a member.
  case $answer in
    *'"status":"ready"'*) exit 0 ;;
    *'"status":"failed"'*)
      echo "wait-for-set: $set_name failed: $answer" >&2
      exit 3
      ;;
    *'"status":"pending"'*) seen=pending ;;
  esac
  if [ "$(left)" -le 0 ]; then
    echo "wait-for-set: $set_name is not ready: $seen" >&2
    exit 4
  fi
  sleep 1
done

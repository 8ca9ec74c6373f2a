#!/bin/sh
# Waits until a secret set's newest version is ready, with curl alone, wherever a pipeline runs.
# Usage: wait-for-set.sh SET [SECONDS]
# Environment: PIPECAT_API_HOST, PIPECAT_TOKEN, and PIPECAT_ORG for a token that reaches several organizations.
# Exit codes: 0 ready, 3 failed, 4 still not ready after SECONDS (120), 1 any other failure, 2 wrong usage.
# A control plane with a certificate of your own authority: CURL_CA_BUNDLE names the authority's file.
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

# The body, then what curl says of a failure, then the HTTP status on a line of its own, 000 without an answer. The exit
# code is curl's. The token goes to curl on standard input: a command line can be read by everyone on the machine.
ask() {
  printf 'header = "Authorization: Bearer %s"\n' "$PIPECAT_TOKEN" |
    curl --silent --show-error --max-time "$(patience)" --config - --write-out '\n%{http_code}' "$url" 2>&1
}

# end CODE SENTENCE [HINT]
end() {
  echo "wait-for-set: $2" >&2
  if [ -n "${3:-}" ]; then echo "hint: $3" >&2; fi
  exit "$1"
}

# Sets seen and hint for an exit code of curl (curl(1), EXIT CODES). Ends at once where waiting cannot help.
explain() {
  detail=$(printf '%s\n' "$answer" | sed -n 's/.*curl: ([0-9]*) //p' | head -n 1)
  # Without the name and password that a URL can hold.
  host=$(printf '%s\n' "$PIPECAT_API_HOST" | sed 's,//[^/@]*@,//,')
  case $1 in
    1 | 3) end 1 "$host cannot be asked: $detail" "PIPECAT_API_HOST is https://HOST, with :PORT where it is not 443" ;;
    51 | 60) end 1 "TLS: the certificate of $host is not trusted: $detail" \
      "name the file of the authority that signed it in CURL_CA_BUNDLE, or renew the certificate" ;;
    77) end 1 "TLS: the file of trusted authorities cannot be read: $detail" "look at CURL_CA_BUNDLE and SSL_CERT_FILE" ;;
    126 | 127) end 1 "curl cannot be run" "install curl in the image of this job" ;;
    5 | 97) seen="the proxy cannot be used: $detail" hint="look at https_proxy and no_proxy" ;;
    6) seen="DNS: no address of $host: $detail" hint="check PIPECAT_API_HOST, and the name server of this machine" ;;
    7) seen="no connection to $host, refused or without a route: $detail" \
      hint="check that the control plane runs, and the port in PIPECAT_API_HOST" ;;
    28) seen="no answer from $host in time: $detail" hint="a firewall may drop the connection; try curl -v $host" ;;
    35) seen="TLS: no handshake with $host: $detail" hint="check that the port in PIPECAT_API_HOST speaks TLS" ;;
    *) seen="no whole answer from $host: $detail" hint="try curl -v $host" ;;
  esac
}

while :; do
  hint='' code=0 wrong="$set_name is not ready"
  answer=$(ask) || code=$?
  status=${answer##*
}
  if [ "$code" -ne 0 ]; then
    explain "$code"
    wrong="cannot ask for $set_name"
  else
    case $status in
      200) seen="an answer without a status" ;;
      429 | 5??) seen="HTTP $status" ;;
      *) end 1 "$set_name: $answer" ;;
    esac
    # Quotes inside of a text are escaped, so none can look like a member.
    case $answer in
      *'"status":"ready"'*) exit 0 ;;
      *'"status":"failed"'*) end 3 "$set_name failed: $answer" ;;
      *'"status":"pending"'*) seen=pending ;;
    esac
  fi
  if [ "$(left)" -le 0 ]; then end 4 "$wrong: $seen" "$hint"; fi
  sleep 1
done

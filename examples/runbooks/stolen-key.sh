#!/bin/sh
# What to do when a key of the control plane was stolen (docs/runbooks.md). Servers and bots go on.
#
# Usage:  stolen-key.sh signing-key REGION DIR AGENT…   the signing key of a region, or the file of a region node
#         stolen-key.sh master-key DIR AGENT…           the master key, or a machine that had it
#         stolen-key.sh revoke DIR                      afterwards, when every bot has its new credential
#
# REGION is the region's code. AGENT… are all agents of the region, or of all regions. DIR is a new directory, mode 0700,
# for the new credentials. Environment: AGENT_SECRETS_DATA_DIR or AGENT_SECRETS_DATABASE, AGENT_SECRETS_MASTER_KEY_FILE,
# and ORGANIZATION where there is more than one. Exit codes: 0 done, 1 a step has failed (run it again), 2 wrong usage.
set -eu

control_plane=${SECRET_CONTROL_PLANE:-secret-control-plane}

usage() {
  sed -n '4,6p' "$0" | cut -c3- >&2
  exit 2
}

step() {
  printf '%s  %s\n' "$(date +%T)" "$*" >&2
}

of_organization() {
  "$control_plane" "$@" ${ORGANIZATION:+--organization "$ORGANIZATION"}
}

# Twice, so that both keys that the thief may have, the active and the standby key, sign no more. Bots with older
# credentials still start: each new key is announced by the key before it.
renew_signing_keys() {
  step "new signing keys for region $1"
  "$control_plane" rotate signing-keys --region "$1"
  "$control_plane" rotate signing-keys --region "$1"
}

# A credential that was issued before trusts the stolen key for ever, so each agent gets a new one.
issue_credentials() {
  for agent; do
    if [ -e "$dir/$agent.credential" ]; then continue; fi
    step "a new credential for $agent"
    of_organization credential list "$agent" >"$dir/$agent.list"
    awk 'NR > 1 && !/ revoked/ { print $1 }' "$dir/$agent.list" >"$dir/$agent.old"
    of_organization credential issue "$agent" --output "$dir/$agent.credential" ||
      { rm -f "$dir/$agent.credential" && exit 1; }
  done
}

renew_master_key() {
  : "${AGENT_SECRETS_MASTER_KEY_FILE:?is not set}"
  if [ -e "$dir/master.done" ]; then return; fi
  step "a new master key"
  "$control_plane" rotate master-key --new-master-key-file "$AGENT_SECRETS_MASTER_KEY_FILE.new"
  mv "$AGENT_SECRETS_MASTER_KEY_FILE.new" "$AGENT_SECRETS_MASTER_KEY_FILE"
  touch "$dir/master.done"
}

end() {
  step "done"
  cat >&2 <<EOF

Now:
- Give each agent its credential of $dir, and deploy it.
- Then run: $0 revoke $dir
- $1
EOF
}

[ $# -ge 2 ] || usage
what=$1
shift
case $what in
signing-key)
  [ $# -ge 3 ] || usage
  region=$1 dir=$2
  shift 2
  mkdir -p -m 0700 "$dir"
  if [ ! -e "$dir/signing.done" ]; then
    renew_signing_keys "$region"
    touch "$dir/signing.done"
  fi
  issue_credentials "$@"
  end "If the file of a region node was stolen: it also decrypts the region's values. Run
  '$control_plane rotate data-keys --region $region', export the keys for the nodes that stay, and
  change every value of the region at its provider."
  ;;
master-key)
  dir=$1
  shift
  mkdir -p -m 0700 "$dir"
  renew_master_key
  step "new data keys"
  "$control_plane" rotate data-keys
  if [ ! -e "$dir/signing.done" ]; then
    "$control_plane" region list >"$dir/regions"
    for region in $(awk 'NR > 1 { print $1 }' "$dir/regions"); do renew_signing_keys "$region"; done
    touch "$dir/signing.done"
  fi
  issue_credentials "$@"
  end "Put $AGENT_SECRETS_MASTER_KEY_FILE on every other machine with the catalog, make a backup, and destroy
  older ones. If the thief may have a copy of the data too: change every value at its provider."
  ;;
revoke)
  dir=$1
  for list in "$dir"/*.old; do
    agent=$(basename "$list" .old)
    while read -r kid; do
      step "revoke $kid of $agent"
      of_organization credential revoke "$agent" "$kid"
    done <"$list"
  done
  step "done"
  ;;
*) usage ;;
esac

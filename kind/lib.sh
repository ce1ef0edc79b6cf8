# shellcheck shell=bash disable=SC2034 # the files that source this one read its variables
# What kind/up and kind/down are written with: steps, commands that are shown, and what to say when one fails.

CLUSTER=lossi
REGISTRY=lossi-registry
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(dirname "$HERE")
# shellcheck source=kind/versions.env
source "$HERE/versions.env"

DRY_RUN=false
STEP="reading the options"
NEXT="kind/up --help"
NAMESPACE=""
COMMAND=""
ERRORS=$(mktemp)
trap 'rm -f "$ERRORS"' EXIT
trap 'stopped $? "$BASH_COMMAND"' ERR
trap 'exit 130' INT TERM
exec 4>&1

# step TITLE FUNCTION: NEXT is what to type when it fails, NAMESPACE the one whose pods tell why.
step() {
  STEP=$1
  NEXT=""
  NAMESPACE=""
  printf '\n== %s\n' "$1" >&4
  "$2"
}

# Shows a command and runs it; its complaints are shown, and kept for the cause.
run() {
  COMMAND=$(printable "$@")
  printf '+ %s\n' "$COMMAND" >&4
  if $DRY_RUN; then return; fi
  { "$@" 2>&1 1>&3 | tee "$ERRORS" >&2; } 3>&1
  COMMAND=""
}

# Runs a command whose answer decides what is done. A dry run asks nobody, and takes it that nothing is there yet.
query() {
  if $DRY_RUN; then
    printf '? %s\n' "$(printable "$@")" >&4
    return 1
  fi
  "$@" 2>/dev/null
}

printable() {
  local word words=()
  for word; do
    if [[ $word =~ ^[A-Za-z0-9_./:=@%,+-]+$ ]]; then words+=("$word"); else words+=("'${word//\'/\'\\\'\'}'"); fi
  done
  printf '%s' "${words[*]}"
}

kube() { run kubectl --context "kind-$CLUSTER" "$@"; }
ask_kube() { query kubectl --context "kind-$CLUSTER" "$@"; }
# Applies text: manifests that were filled in, and Secrets, which so appear on no command line.
kube_text() { run kubectl --context "kind-$CLUSTER" "${@:2}" --filename - <<<"$1"; }
chart() { run helm upgrade --install --kube-context "kind-$CLUSTER" --wait --timeout 15m "$@"; }

# ready NAMESPACE SECONDS: waits until every Deployment there is available.
ready() {
  NAMESPACE=$1
  kube wait deployment --all --namespace "$1" --for=condition=Available --timeout="${2}s"
}

# fill FILE: the file with every ${NAME} of versions.env replaced.
fill() {
  local script
  script=$(sed -n 's/^\([A-Z_]*\)=\(.*\)$/s|${\1}|\2|g/p' "$HERE/versions.env")
  sed "$script" "$1"
}

# at_least FOUND WANTED
at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

# secret NAMESPACE NAME KEY VALUE…: makes a Secret unless it is there, so that a second run keeps the passwords.
secret() {
  local namespace=$1 name=$2 entries=""
  shift 2
  if ask_kube get secret "$name" --namespace "$namespace" --output name >/dev/null; then
    echo "secret $namespace/$name is there" >&4
    return
  fi
  while (($# > 0)); do
    entries+=$(printf '\n  %s: "%s"' "$1" "$2")
    shift 2
  done
  kube_text "$(printf 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  namespace: %s\nstringData:%s\n' \
    "$name" "$namespace" "$entries")" create
}

# secret_value NAMESPACE NAME KEY: nothing in a dry run, which asks nobody.
secret_value() {
  ask_kube get secret "$2" --namespace "$1" --output "jsonpath={.data.$3}" | base64 --decode || $DRY_RUN
}

# fail CAUSE NEXT
fail() {
  NEXT=$2
  report "$1"
  exit 1
}

# The ERR trap. A subshell leaves the telling to its parent.
stopped() {
  ((BASH_SUBSHELL == 0)) || exit "$1"
  trap - ERR
  set +e
  local last=""
  if [[ -n $COMMAND ]]; then last=$(tail -n 1 "$ERRORS"); fi
  [[ -z $NAMESPACE ]] || diagnose "$NAMESPACE"
  report "${COMMAND:-$2} failed (exit $1)${last:+: $last}"
  exit 1
}

report() {
  {
    printf '\n%s stopped at: %s\n' "kind/$(basename "$0")" "$STEP"
    printf 'cause: %s\n' "$1"
    [[ -z $NEXT ]] || printf 'next:  %s\n' "$NEXT"
    printf 'then:  kind/%s again; what is done is kept\n' "$(basename "$0")"
  } >&2
}

# What tells why pods of a namespace do not come up.
diagnose() {
  local pod
  {
    printf '\n-- pods, events and logs of namespace %s\n' "$1"
    kubectl --context "kind-$CLUSTER" get pods --namespace "$1" --output wide
    kubectl --context "kind-$CLUSTER" get events --namespace "$1" --sort-by=.lastTimestamp | tail -n 20
    for pod in $(kubectl --context "kind-$CLUSTER" get pods --namespace "$1" --no-headers | unready); do
      printf '\n-- %s\n' "$pod"
      kubectl --context "kind-$CLUSTER" describe pod "$pod" --namespace "$1" | tail -n 25
      kubectl --context "kind-$CLUSTER" logs "$pod" --namespace "$1" --all-containers --tail=30
    done
  } >&2 2>&1
}

# Of lines of `kubectl get pods`, the first three names whose containers are not all ready.
unready() {
  awk '$3 != "Completed" { split($2, n, "/"); if (n[1] != n[2] && ++count <= 3) print $1 }'
}

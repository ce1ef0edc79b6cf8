# shellcheck shell=bash disable=SC2034,SC2154 # kind/lib.sh and kind/up read and set the variables
# lossi itself.

# What lossi is applied from, and the images in it with their tags.
OVERLAY=knative/overlays/kind
IMAGES=()

build_image() { load_image dev.local/lossi Containerfile "$ROOT"; }

# inference wants the card, so it comes with it.
build_model() {
  OVERLAY=knative/overlays/gpu
  load_image dev.local/lossi-model image/model.Containerfile "$ROOT/image"
}

# load_image NAME FILE CONTEXT: the tag is the image's content, so a changed image is a new revision and an unchanged one is not.
load_image() {
  local id
  NEXT="docker build --file $2 --tag $1:kind --progress plain ${3/#$ROOT/.} (shows all of it)"
  # An attestation has the time in it, and would be part of the id.
  run docker build --load --provenance=false --file "$ROOT/$2" --tag "$1:kind" "$3"
  id=$(query docker image inspect --format '{{.Id}}' "$1:kind") || $DRY_RUN
  id=${id:-sha256:IMAGE-ID}
  id=${id#sha256:}
  IMAGES+=("{ name: $1, newTag: kind-${id:0:12} }")
  run docker tag "$1:kind" "$1:kind-${id:0:12}"
  NEXT="docker exec $CLUSTER-control-plane crictl images"
  run kind load docker-image "$1:kind-${id:0:12}" --name "$CLUSTER"
}

# Its edge is on the loopback address, so callers need no token; docs/security.md says how others get one.
# With --storage, "used-client": "none" means its object store, also where lossi was there before.
make_secrets() {
  local key
  NEXT="kubectl --context kind-$CLUSTER get secrets --namespace lossi"
  kube apply --filename "$ROOT/knative/base/namespace.yaml"
  secret lossi lossi REDIS_PASSWORD "$(random)"
  if $STORAGE; then
    storage_secrets
    NEXT="kubectl --context kind-$CLUSTER describe secrets --namespace lossi"
    key=$(secret_value storage storage object)
    run kubectl --context "kind-$CLUSTER" patch secret lossi --namespace lossi --type merge --patch-file /dev/stdin <<TEXT
{"stringData": {
  "AWS_ENDPOINT_URL": "http://object.storage.svc.cluster.local:9000", "AWS_REGION": "us-east-1",
  "AWS_ACCESS_KEY_ID": "lossi", "AWS_SECRET_ACCESS_KEY": "$key"
}}
TEXT
  fi
}

# The functions whose newest revision failed.
failed_functions() {
  ask_kube get ksvc --namespace lossi --output \
    'jsonpath={range .items[*]}{.metadata.name}{" "}{.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' |
    awk '$2 == "False" { print $1 }'
}

apply_lossi() {
  local failed name images
  images=$(printf ', %s' "${IMAGES[@]}")
  NAMESPACE=lossi
  NEXT="kubectl --context kind-$CLUSTER get ksvc,broker,trigger --namespace lossi"
  if ! $DRY_RUN; then
    mkdir -p "$HERE/.made"
    printf 'resources: [../../%s]\nimages: [%s]\n' "$OVERLAY" "${images#, }" >"$HERE/.made/kustomization.yaml"
  fi
  echo "$OVERLAY with the images ${images#, }"
  failed=$(failed_functions) || failed=""
  kube apply --kustomize "$HERE/.made"
  # A revision that ran out of time stays failed when what it lacked is there, so the function gets a new one.
  for name in $failed; do
    kube patch ksvc "$name" --namespace lossi --type merge \
      --patch "{\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"lossi.dev/tried-again\":\"$(date -u +%FT%TZ)\"}}}}}"
  done
  kube rollout status statefulset/redis --namespace lossi --timeout=300s
  kube wait ksvc --all --namespace lossi --for=condition=Ready --timeout=300s
  kube wait broker,trigger --all --namespace lossi --for=condition=Ready --timeout=300s
  kube wait ingresses.networking.internal.knative.dev/edge --namespace lossi --for=condition=Ready --timeout=120s
}

welcome() {
  local url=http://127.0.0.1:7600
  cat <<TEXT

lossi is ready on $url (7601 and 7602 lead there too); its cluster is $CLUSTER
what sleeps:  kubectl --context kind-$CLUSTER get ksvc,pods --namespace lossi
from your own machine, when this is a VM:  ssh -N -L 7600:127.0.0.1:7600 $(id -un)@$(hostname)

try:
  curl $url/interaction/arti/logs/frontend
  python3 -c "import requests; print(requests.get('$url/interaction/task/run/tasks.forwarder-requests', json={'payload': {'mode': 'logs'}}).json())"
TEXT
}

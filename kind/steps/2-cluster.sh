# shellcheck shell=bash disable=SC2034,SC2154 # kind/lib.sh and kind/up read and set the variables
# The cluster and its registry.

make_cluster() {
  local config
  if $EXISTS; then
    echo "it is there"
    NEXT="docker start $CLUSTER-control-plane, or kind/down to begin anew"
    # Who has removed the context, or is somebody else, gets it again.
    run kind export kubeconfig --name "$CLUSTER"
  else
    config=$(fill "$HERE/cluster.yaml")
    if $GPU; then config=${config//#gpu /}; else config=$(grep -v '#gpu' <<<"$config"); fi
    NEXT="kind delete cluster --name $CLUSTER"
    run kind create cluster --name "$CLUSTER" --wait 120s --config - <<<"$config"
  fi
  kube wait node --all --for=condition=Ready --timeout=120s
}

run_registry() {
  local hosts="/etc/containerd/certs.d/localhost:5001" node="$CLUSTER-control-plane"
  NEXT="docker logs $REGISTRY"
  if [[ $(query docker inspect --format '{{.State.Running}}' "$REGISTRY") != true ]]; then
    query docker rm --force "$REGISTRY" >/dev/null || true
    run docker run --detach --restart always --name "$REGISTRY" --publish 127.0.0.1:5001:5000 "$REGISTRY_IMAGE"
  fi
  if [[ $(query docker inspect --format '{{json .NetworkSettings.Networks.kind}}' "$REGISTRY") != *NetworkID* ]]; then
    run docker network connect kind "$REGISTRY"
  fi
  # On a node localhost is the node itself: containerd is told where the registry is.
  run docker exec "$node" mkdir -p "$hosts"
  run docker exec --interactive "$node" cp /dev/stdin "$hosts/hosts.toml" <<<"[host.\"http://$REGISTRY:5000\"]"
  kube_text "$(cat "$HERE/registry.yaml")" apply
}

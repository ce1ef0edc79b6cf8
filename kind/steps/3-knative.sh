# shellcheck shell=bash disable=SC2034,SC2154 # kind/lib.sh and kind/up read and set the variables
# Knative, in the order of its own installation pages, and the card.

SERVING="https://github.com/knative/serving/releases/download/knative-v$SERVING_VERSION"
KOURIER="https://github.com/knative-extensions/net-kourier/releases/download/knative-v$KOURIER_VERSION"
EVENTING="https://github.com/knative/eventing/releases/download/knative-v$EVENTING_VERSION"
NVSHARE="https://raw.githubusercontent.com/grgalex/nvshare/$NVSHARE_VERSION/kubernetes/manifests"
ONLINE="curl --head https://github.com (the manifests and images come from there)"

# crds_and_core PART URL
crds_and_core() {
  kube apply --filename "$2/$1-crds.yaml"
  kube wait crd --all --for=condition=Established --timeout=120s
  kube apply --filename "$2/$1-core.yaml"
  ready "knative-$1" 300
}

install_serving() {
  NEXT=$ONLINE
  crds_and_core serving "$SERVING"
  # Images that are loaded into the node, or lie in a registry only nodes know, have no digest to ask for.
  kube patch configmap config-deployment --namespace knative-serving --type merge \
    --patch '{"data":{"registries-skipping-tag-resolving":"kind.local,ko.local,dev.local,localhost:5001"}}'
}

install_kourier() {
  NEXT=$ONLINE
  kube apply --filename "$KOURIER/kourier.yaml"
  kube patch configmap config-network --namespace knative-serving --type merge \
    --patch '{"data":{"ingress-class":"kourier.ingress.networking.knative.dev"}}'
  kube patch configmap config-domain --namespace knative-serving --type merge \
    --patch '{"data":{"127.0.0.1.sslip.io":""}}'
  ready kourier-system 300
  ready knative-serving 300
  kube apply --filename "$HERE/kourier.yaml"
}

install_eventing() {
  NEXT=$ONLINE
  crds_and_core eventing "$EVENTING"
  kube apply --filename "$EVENTING/in-memory-channel.yaml"
  kube apply --filename "$EVENTING/mt-channel-broker.yaml"
  ready knative-eventing 300
}

install_nvshare() {
  local manifest
  NEXT="kubectl --context kind-$CLUSTER describe nodes (nvidia.com/gpu and nvshare.com/gpu should be listed)"
  # nvshare finds its card by NVIDIA_VISIBLE_DEVICES, which the operator no longer hands out where CDI is on.
  NAMESPACE=gpu-operator
  chart gpu-operator gpu-operator --repo https://helm.ngc.nvidia.com/nvidia --version "$GPU_OPERATOR_VERSION" \
    --namespace gpu-operator --create-namespace --set driver.enabled=false --set cdi.enabled=false
  for manifest in nvshare-system nvshare-system-quotas device-plugin scheduler; do
    kube apply --filename "$NVSHARE/$manifest.yaml"
  done
  NAMESPACE=nvshare-system
  kube rollout status daemonset/nvshare-device-plugin --namespace nvshare-system --timeout=600s
  kube rollout status daemonset/nvshare-scheduler --namespace nvshare-system --timeout=300s
  kube wait node --all '--for=jsonpath={.status.allocatable.nvshare\.com/gpu}=10' --timeout=120s
}

# shellcheck shell=bash disable=SC2034,SC2154 # kind/lib.sh and kind/up read and set the variables
# What the tutorials have beside it.

STORES="cache object relational document vector graph"

storage_secrets() {
  NEXT="kubectl --context kind-$CLUSTER get namespaces,secrets --namespace storage"
  kube apply --filename "$HERE/storage/namespace.yaml"
  # shellcheck disable=SC2046 # one word for the key, one for the password
  secret storage storage $(for store in $STORES; do echo "$store $(random)"; done)
}

# store NAME…: applies them together, then waits for each.
stores() {
  local store
  NAMESPACE=storage
  NEXT="kubectl --context kind-$CLUSTER get pods --namespace storage"
  for store; do kube_text "$(fill "$HERE/storage/$store.yaml")" apply; done
  for store; do kube rollout status "statefulset/$store" --namespace storage --timeout=600s; done
}

install_storage() {
  # shellcheck disable=SC2086 # a list of words
  stores $STORES
}

install_ray() {
  local values=ray-cpu tag=$RAY_CPU_TAG
  if $GPU; then values=ray-gpu tag=$RAY_GPU_TAG; fi
  NAMESPACE=default
  NEXT="kubectl --context kind-$CLUSTER get rayclusters,pods --namespace default"
  chart kuberay-operator kuberay-operator --repo https://ray-project.github.io/kuberay-helm/ \
    --version "$KUBERAY_VERSION" --namespace default
  chart raycluster ray-cluster --repo https://ray-project.github.io/kuberay-helm/ \
    --version "$KUBERAY_VERSION" --namespace default --values "$HERE/values/$values.yaml" --set "image.tag=$tag"
  kube wait raycluster/raycluster-kuberay --namespace default --for=condition=RayClusterProvisioned --timeout=1200s
}

# Its database is the relational store, which comes with it when --storage is not given.
install_airflow() {
  local database user
  if ! $STORAGE; then
    storage_secrets
    stores relational
  fi
  NEXT="kubectl --context kind-$CLUSTER get pods --namespace forwarder"
  kube apply --filename "$HERE/values/airflow-namespace.yaml"
  database=$(secret_value storage storage relational)
  secret forwarder airflow-metadata connection "postgresql://lossi:$database@relational.storage.svc.cluster.local:5432/airflow"
  secret forwarder airflow-user password "$(random)"
  user=$(secret_value forwarder airflow-user password)
  NAMESPACE=forwarder
  chart airflow airflow --repo https://airflow.apache.org --version "$AIRFLOW_CHART_VERSION" --namespace forwarder \
    --values "$HERE/values/airflow.yaml" --values - <<<"createUserJob: { defaultUser: { username: admin, password: $user } }"
}

# shellcheck shell=bash disable=SC2034,SC2154 # kind/lib.sh and kind/up read and set the variables
# What has to be there before anything is made.

check_tools() {
  NEXT="sudo systemctl start docker (or start Docker Desktop); 'permission denied' means: sudo usermod -aG docker \$USER, and log in again"
  run docker version --format '{{.Server.Version}}'
  NEXT="install Docker's buildx (package docker-buildx-plugin or docker-buildx): https://docs.docker.com/go/buildx/"
  run docker buildx version
  tool kind "$KIND_VERSION" "https://kind.sigs.k8s.io/docs/user/quick-start/#installation" kind version
  tool kubectl "$KUBECTL_MINIMUM" "https://kubernetes.io/docs/tasks/tools/" kubectl version --client
  tool curl "$CURL_MINIMUM" "your system's package curl" curl --version
  if $GPU || $RAY || $AIRFLOW; then
    tool helm "$HELM_MINIMUM" "https://helm.sh/docs/intro/install/" helm version --template '{{.Version}}'
  fi
}

# tool NAME MINIMUM WHERE COMMAND…: the first version number that the command prints.
tool() {
  local found
  printf '? %s\n' "$(printable "${@:4}")"
  if $DRY_RUN; then return; fi
  command -v "$1" >/dev/null || fail "$1 is not installed" "install $1 $2 or newer: $3"
  found=$("${@:4}" 2>/dev/null | grep -Eo '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1) || found="unknown"
  at_least "$found" "$2" || fail "$1 is $found, and $2 is the oldest that will do" "install $1 $2 or newer: $3"
}

# Other clusters stay as they are; what an older Knative in one of them could not do is said.
check_clusters() {
  local other version
  EXISTS=false
  for other in $(query kind get clusters || true); do
    version=$(query kubectl --context "kind-$other" get namespace knative-serving \
      --output 'jsonpath={.metadata.labels.app\.kubernetes\.io/version}') || version=""
    if [[ $other == "$CLUSTER" ]]; then
      EXISTS=true
      # What is there stays, also when this run does not ask for it: overlays/kind would take its path away.
      if query kubectl --context "kind-$CLUSTER" get ksvc inference --namespace lossi --output name >/dev/null; then
        GPU=true
      fi
      [[ -z $version ]] || at_least "$version" "${SERVING_VERSION%.*}" ||
        fail "the cluster $CLUSTER has Knative $version, and Knative goes from one minor version to the next only" \
          "kind/down (its volumes go too), then kind/up"
    elif [[ -n $version ]] && ! at_least "$version" "${SERVING_VERSION%.*}"; then
      old_knative "$other" "$version"
    fi
  done
}

old_knative() {
  cat <<TEXT
note: the cluster $1 has Knative $2. lossi gets a cluster of its own beside it, since that Knative lacks:
TEXT
  at_least "$2" 1.12.0 || cat <<'TEXT'
  - a seccomp profile for the container it puts beside each function, since 1.12: the namespace lossi refuses such pods
  - filters of Triggers, on by default since 1.12: the collector would not hear of objects
TEXT
  at_least "$2" 1.13.0 || cat <<'TEXT'
  - schedules with seconds, since 1.13: rounds of the schedule would be a minute at least
  - a broker that answers after its subscribers, since 1.13: an event under way when it dies waits for the schedule
TEXT
  echo "  - tests: lossi's manifests are tested with Knative $SERVING_VERSION"
}

# What Docker may use, and the ports. Ports belong to the cluster once it is made.
check_room() {
  local cpus=3 memory=4 disk=20 has root port
  if $STORAGE; then cpus=$((cpus + 1)) memory=$((memory + 3)) disk=$((disk + 10)); fi
  if $AIRFLOW; then cpus=$((cpus + 2)) memory=$((memory + 4)) disk=$((disk + 5)); fi
  # The image of the model is there three times while it is loaded into the node.
  if $GPU; then cpus=$((cpus + 1)) memory=$((memory + 4)) disk=$((disk + 25)); fi
  if $RAY && $GPU; then cpus=$((cpus + 8)) memory=$((memory + 97)) disk=$((disk + 30)); fi
  if $RAY && ! $GPU; then cpus=$((cpus + 2)) memory=$((memory + 19)) disk=$((disk + 10)); fi
  NEXT="docker info"
  if has=$(query docker info --format '{{.NCPU}} {{.MemTotal}} {{.DockerRootDir}}'); then
    read -r has_cpus has_memory root <<<"$has"
    has_memory=$((has_memory / 1000000000))
    [[ -d $root ]] || root=/
    has_disk=$(df -Pk "$root" | awk 'NR == 2 { print int($4 / 1000000) }')
    echo "$has_cpus CPUs, $has_memory GB of memory, $has_disk GB free in $root; wanted: $cpus, $memory, $disk"
    ((has_cpus >= cpus)) || fail "Docker has $has_cpus CPUs, and this needs $cpus" "$(less CPUs)"
    ((has_memory >= memory)) || fail "Docker has $has_memory GB of memory, and this needs $memory" "$(less memory)"
    $EXISTS || ((has_disk >= disk)) || fail "$root has $has_disk GB free, and this needs $disk" "docker system prune --all (removes unused images), or a larger disk"
  fi
  if $EXISTS; then return; fi
  for port in 760{0..2} 761{0..9}; do port_free "$port" "npm start, perhaps"; done
  if $REGISTRY_WANTED && ! query docker inspect --format '{{.Id}}' "$REGISTRY" >/dev/null; then
    port_free 5001 "another registry, perhaps: then leave out --registry and use that one"
  fi
}

less() { echo "more $1 for Docker (on a laptop in Docker Desktop's settings), or fewer of --ray --airflow --storage --gpu"; }

port_free() {
  # 7 is "connection refused"; whatever else happens, somebody is there. A proxy would answer in place of the port.
  local code=0
  query curl --silent --noproxy '*' --max-time 2 --output /dev/null "http://127.0.0.1:$1" || code=$?
  if $DRY_RUN || ((code == 7)); then return; fi
  fail "port $1 of 127.0.0.1 is taken ($2)" "ss -ltnp 'sport = :$1' (or lsof -i :$1) tells by whom; stop that"
}

check_gpu() {
  local runtime mounts
  NEXT="install the NVIDIA driver, and see that nvidia-smi lists the card"
  run nvidia-smi -L
  if ! runtime=$(query docker info --format '{{.DefaultRuntime}}'); then return; fi
  [[ $runtime == nvidia ]] || fail "Docker's default runtime is $runtime, so no node would see the card" \
    "sudo nvidia-ctk runtime configure --runtime=docker --set-as-default && sudo nvidia-ctk config --in-place --set accept-nvidia-visible-devices-as-volume-mounts=true && sudo systemctl restart docker"
  if $EXISTS; then
    mounts=$(query docker inspect --format '{{json .Mounts}}' "$CLUSTER-control-plane") || mounts=""
    [[ $mounts == *nvidia-container-devices* ]] ||
      fail "the cluster $CLUSTER was made without the card, and a cluster's mounts are fixed" \
        "kind/down (its volumes go too), then kind/up --gpu"
  fi
}

#!/bin/sh
# Makes the namespace that workers and commands use, when it is not there. TEMPORAL_ADDRESS says where the server is.
set -eu

namespace=${NAMESPACE:-default}
for attempt in $(seq 60); do
  if temporal operator namespace describe --namespace "$namespace" >/dev/null 2>&1; then
    echo "namespace $namespace is there"
    exit 0
  fi
  temporal operator namespace create --namespace "$namespace" --retention 7d || sleep 2
done
echo "namespace $namespace could not be made" >&2
exit 1

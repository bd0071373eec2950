#!/usr/bin/env bash
# Runs the steps of the Dockerfile in an empty root file system, and then the result: as an unprivileged user on a read-only
# tree. For machines without docker; needs root, debootstrap and npm.
# The base is Debian with the Node of the project, not Alpine: this verifies the steps, not the base image.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ ${1:-} != --inside ]]; then
  root=$(mktemp -d)
  chmod 755 "$root"
  trap 'rm -rf --one-file-system "$root"' EXIT
  # In a mount namespace of its own, mounts disappear with the last process.
  unshare --mount --propagation private -- "$0" --inside "$root"
  exit
fi

root=$2
context=$PWD
node=$(readlink -f node_modules/.bin/node)
variables=()
workdir=/
user=root
declare -a command healthcheck

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'rootfs.sh: %s\n' "$*" >&2; exit 1; }

# Like `docker run`, apart from the base: a clean environment, and the variables, user and folder of the image.
become() {
  exec chroot "$root" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin "${variables[@]}" \
    /usr/bin/setpriv --reuid="$user" --regid="$user" --init-groups --no-new-privs \
    --inh-caps=-all --ambient-caps=-all --bounding-set=-all \
    /usr/bin/env --chdir="$workdir" "$@"
}
in_image() { (become "$@"); }

base() {
  # The Node binary needs libatomic, which the minimal Debian lacks.
  debootstrap --variant=minbase --include=libatomic1 bookworm "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$root.log" 2>&1 \
    || fail "$(tail -3 "$root.log")"
  rm "$root.log"
  # Content of the base image: Node, npm and a user.
  install -D "$node" "$root/usr/local/bin/node"
  mkdir -p "$root/usr/local/lib/node_modules"
  cp -r "$(npm root --global 2>/dev/null)/npm" "$root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  chroot "$root" useradd --uid 1000 --user-group --create-home node
  # Provided by docker: name resolution and certificates.
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  build_variables=("npm_config_registry=$(npm config get registry 2>/dev/null)")
  if [[ -n ${NODE_EXTRA_CA_CERTS:-} ]]; then
    install -D -m 644 "$NODE_EXTRA_CA_CERTS" "$root/etc/ssl/extra.pem"
    build_variables+=(NODE_EXTRA_CA_CERTS=/etc/ssl/extra.pem)
  fi
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
}

# COPY: the content of a folder, or a file. Fails for paths that .dockerignore excludes.
copy() {
  local target=${!#} source
  [[ $target == /* ]] || target=$workdir/$target
  for source in "${@:1:$#-1}"; do
    grep -qx "!$source" .dockerignore || fail ".dockerignore excludes $source"
    if [[ -d $source ]]; then
      mkdir -p "$root$target"
      cp -r "$context/$source/." "$root$target"
    else
      [[ $target != */ ]] || mkdir -p "$root$target"
      cp "$context/$source" "$root$target"
    fi
  done
}

# The exec form of CMD and HEALTHCHECK, as lines.
words_of() { "$node" -e 'console.log(JSON.parse(process.argv[1]).join("\n"))' "${1#"${1%%[*}"}"; }

step() {
  local instruction=$1 rest=$2
  say "$instruction $rest"
  # Words are split at spaces, like in docker; no name in the Dockerfile contains a space.
  # shellcheck disable=SC2086,SC2206
  case $instruction in
    FROM) [[ ! -e $root/etc ]] || fail 'only one FROM is supported'; base ;;
    WORKDIR) workdir=$rest; mkdir -p "$root$workdir" ;;
    COPY) copy $rest ;;
    RUN) variables+=("${build_variables[@]}"); in_image /bin/sh -c "$rest"
         variables=("${variables[@]:0:${#variables[@]}-${#build_variables[@]}}") ;;
    ENV) variables+=($rest) ;;
    EXPOSE) ;;
    USER) user=$rest ;;
    HEALTHCHECK) mapfile -t healthcheck < <(words_of "$rest") ;;
    CMD) mapfile -t command < <(words_of "$rest") ;;
    *) fail "the instruction $instruction is not supported" ;;
  esac
}

while read -r instruction rest; do
  [[ -z $instruction || $instruction == \#* ]] || step "$instruction" "$rest"
done < <(sed -e ':join' -e '/\\$/{N;s/\\\n//;bjoin}' Dockerfile)

say 'The tree is read-only from now on'
umount --lazy "$root/dev"
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
! in_image touch /app/proof 2>/dev/null || fail 'the tree is writable'
du -sh --one-file-system "$root$workdir" | cut -f1

# Waits for a log line with a URL; takes the log file, the process and a pattern.
url_in() {
  local url
  for _ in $(seq 100); do
    url=$(grep -oE "$3" "$1" | grep -oE 'http://[^" ]+' | head -1) || true
    [[ -z $url ]] || { echo "$url"; return; }
    kill -0 "$2" 2>/dev/null || break
    sleep 0.1
  done
  fail "no listener: $(cat "$1")"
}

logs=$(mktemp -d)
PORT=0 "$node" src/simulator/main.ts >"$logs/simulator" &
simulator=$!
trap 'kill "$simulator" ${gateway:-} 2>/dev/null; rm -rf "$logs"' EXIT
simulator_url=$(url_in "$logs/simulator" "$simulator" 'http://[^ ]+')

say "${command[*]}"
secret=$(od -An -tx1 -N16 /dev/urandom | tr -d ' \n')
variables+=(PORT=0 ADMIN_PORT=0 "ZENSKAR_URL=$simulator_url" ZENSKAR_API_KEY=any ZENSKAR_ORGANISATION=any
  AUTH_MODE=router "ROUTER_SECRET=$secret")
become "${command[@]}" >"$logs/gateway" 2>&1 &
gateway=$!
url=$(url_in "$logs/gateway" "$gateway" '"url":"http://0.0.0.0:[0-9]+')
url=${url/0.0.0.0/127.0.0.1}
grep -E '^(Name|Uid|Groups|CapEff|CapBnd|NoNewPrivs):' "/proc/$gateway/status"
grep -q "^Uid:.1000.1000.1000.1000$" "/proc/$gateway/status" || fail 'the gateway runs as another user'
[[ $(readlink "/proc/$gateway/root") == "$root" ]] || fail 'the gateway runs in another root'

say 'The gateway answers'
variables+=("PORT=${url##*:}")
in_image "${healthcheck[@]}" || fail 'the health check fails'
echo 'health check: 0'
ready=$(curl -sS -w ' %{http_code}' "$url/readyz")
echo "readyz: $ready"
ids='entitlementId: \"3f2b8c1e-5d47-4a6f-9e0b-7c1d2a3b4c5d\", customerId: \"9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c0d\"'
answer=$(curl -sS "$url/graphql" -H 'content-type: application/json' -H "x-router-secret: $secret" \
  --data "{\"query\": \"{ customerEntitlementTotal($ids) { quantity } }\"}")
echo "graphql: $answer"
[[ $ready == 'ok 200' && $answer == *'"quantity":36756'* ]] || fail 'the response is wrong'

say 'The gateway stops on SIGTERM'
kill -TERM "$gateway"
code=0
wait "$gateway" || code=$?
echo "exit code: $code"
[[ $code == 0 ]] || fail "$(cat "$logs/gateway")"
say 'All steps succeeded, and the result works.'

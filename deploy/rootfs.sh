#!/usr/bin/env bash
# Runs the Dockerfile's steps, as they stand, in an empty root file system, and then what they made: as a user without
# rights, on a tree that cannot be written to. For machines without a docker: it needs root, debootstrap and npm.
# The base is Debian with the project's Node, not Alpine; what is proved is the steps, not the base.
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ ${1:-} != --inside ]]; then
  root=$(mktemp -d)
  chmod 755 "$root"
  trap 'rm -rf --one-file-system "$root"' EXIT
  # Whatever is mounted from here on is gone with the last process that sees it.
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

# Becomes what `docker run` would, but for the base: a clean environment, the image's variables, its user, its folder.
become() {
  exec chroot "$root" /usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin "${variables[@]}" \
    /usr/bin/setpriv --reuid="$user" --regid="$user" --init-groups --no-new-privs \
    --inh-caps=-all --ambient-caps=-all --bounding-set=-all \
    /usr/bin/env --chdir="$workdir" "$@"
}
in_image() { (become "$@"); }

base() {
  # Node's own binary wants libatomic, which the smallest Debian is without.
  debootstrap --variant=minbase --include=libatomic1 bookworm "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$root.log" 2>&1 \
    || fail "$(tail -3 "$root.log")"
  rm "$root.log"
  # What the image of the FROM line brings along: Node, npm, and a user.
  install -D "$node" "$root/usr/local/bin/node"
  mkdir -p "$root/usr/local/lib/node_modules"
  cp -r "$(npm root --global 2>/dev/null)/npm" "$root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  chroot "$root" useradd --uid 1000 --user-group --create-home node
  # What docker brings along: names, and what the machine trusts.
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  build_variables=("npm_config_registry=$(npm config get registry 2>/dev/null)")
  if [[ -n ${NODE_EXTRA_CA_CERTS:-} ]]; then
    install -D -m 644 "$NODE_EXTRA_CA_CERTS" "$root/etc/ssl/extra.pem"
    build_variables+=(NODE_EXTRA_CA_CERTS=/etc/ssl/extra.pem)
  fi
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
}

# COPY: a folder's contents, or a file by its name, and nothing that .dockerignore keeps back.
copy() {
  local target=${!#} source
  [[ $target == /* ]] || target=$workdir/$target
  for source in "${@:1:$#-1}"; do
    grep -qx "!$source" .dockerignore || fail ".dockerignore keeps $source back"
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
  # Words are split as docker splits them; no name in the Dockerfile has a space in it.
  # shellcheck disable=SC2086,SC2206
  case $instruction in
    FROM) [[ ! -e $root/etc ]] || fail 'one FROM is all that can be run here'; base ;;
    WORKDIR) workdir=$rest; mkdir -p "$root$workdir" ;;
    COPY) copy $rest ;;
    RUN) variables+=("${build_variables[@]}"); in_image /bin/sh -c "$rest"
         variables=("${variables[@]:0:${#variables[@]}-${#build_variables[@]}}") ;;
    ENV) variables+=($rest) ;;
    EXPOSE) ;;
    USER) user=$rest ;;
    HEALTHCHECK) mapfile -t healthcheck < <(words_of "$rest") ;;
    CMD) mapfile -t command < <(words_of "$rest") ;;
    *) fail "$instruction is not known here" ;;
  esac
}

while read -r instruction rest; do
  [[ -z $instruction || $instruction == \#* ]] || step "$instruction" "$rest"
done < <(sed -e ':join' -e '/\\$/{N;s/\\\n//;bjoin}' Dockerfile)

say 'The tree can only be read from now on'
umount --lazy "$root/dev"
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
! in_image touch /app/proof 2>/dev/null || fail 'it can be written to'
du -sh --one-file-system "$root$workdir" | cut -f1

# Waits for a line of a log that says where something listens; takes the log's file, a process and a pattern.
url_in() {
  local url
  for _ in $(seq 100); do
    url=$(grep -oE "$3" "$1" | grep -oE 'http://[^" ]+' | head -1) || true
    [[ -z $url ]] || { echo "$url"; return; }
    kill -0 "$2" 2>/dev/null || break
    sleep 0.1
  done
  fail "nothing listens: $(cat "$1")"
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
grep -q "^Uid:.1000.1000.1000.1000$" "/proc/$gateway/status" || fail 'it runs as somebody else'
[[ $(readlink "/proc/$gateway/root") == "$root" ]] || fail 'it runs somewhere else'

say 'It answers'
variables+=("PORT=${url##*:}")
in_image "${healthcheck[@]}" || fail 'it does not know its own health'
echo 'health check: 0'
ready=$(curl -sS -w ' %{http_code}' "$url/readyz")
echo "readyz: $ready"
ids='entitlementId: \"3f2b8c1e-5d47-4a6f-9e0b-7c1d2a3b4c5d\", customerId: \"9a8b7c6d-1e2f-4a3b-8c4d-5e6f7a8b9c0d\"'
answer=$(curl -sS "$url/graphql" -H 'content-type: application/json' -H "x-router-secret: $secret" \
  --data "{\"query\": \"{ customerEntitlementTotal($ids) { quantity } }\"}")
echo "graphql: $answer"
[[ $ready == 'ok 200' && $answer == *'"quantity":36756'* ]] || fail 'that is not the answer'

say 'It stops on SIGTERM'
kill -TERM "$gateway"
code=0
wait "$gateway" || code=$?
echo "exit code: $code"
[[ $code == 0 ]] || fail "$(cat "$logs/gateway")"
say 'All steps ran, and what they made works.'

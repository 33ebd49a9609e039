# Runs a command in the system that lies in the folder ROOT, with some paths of this one at the same places:
# unshare --mount bash enter.sh ROOT PATH… -- COMMAND…
set -eu
root=$1
shift
share() {
  if [ -d "$1" ]; then mkdir -p "$root$1"; else mkdir -p "$root$(dirname "$1")" && touch "$root$1"; fi
  mount --rbind "$1" "$root$1"
}
for path in /proc /dev /sys; do share "$path"; done
while [ "$1" != -- ]; do
  share "$1"
  shift
done
shift
folder=$PWD
exec chroot "$root" /bin/bash -c 'cd "$1" && shift && exec "$@"' bash "$folder" "$@"

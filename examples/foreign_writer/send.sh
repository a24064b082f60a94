set -eu; bus=$1 me=$2 to=$3
[ -d "$bus/registry/$to" ] || { echo "nobody named $to has joined" >&2; exit 5; }
busid=$(sed 's/.*"bus":"\([0-9a-f-]*\)".*/\1/' "$bus/somabus.json")
t=$(printf '%012x' "$(($(date +%s) * 1000))")
r=$(od -An -N9 -tx1 /dev/urandom | tr -d ' \n')
cut() { printf %s "$1" | command cut -c"$2"; }
id=$(cut "$t" 1-8)-$(cut "$t" 9-12)-7$(cut "$r" 1-3)-8$(cut "$r" 4-6)-$(cut "$r" 7-18)
body=$(printf %s "$4" | tr '\t' ' ' | sed 's/\\/\\\\/g; s/"/\\"/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }')
mkdir -p "$bus/tmp/$me" "$bus/messages/$to/inbox"
printf '{"format":1,"bus":"%s","id":"%s","kind":"note","sender":"%s","to":["%s"],"created_at":"%s","body":"%s","thread":"%s","origin":"%s"}' \
  "$busid" "$id" "$me" "$to" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$body" "$id" "$id" >"$bus/tmp/$me/$id.json"
sync
mv "$bus/tmp/$me/$id.json" "$bus/messages/$to/inbox/5-$id.0.json"
sync

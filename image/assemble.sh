# Lays out what the image has, in the build stage: $1/runtime becomes /, $1/lossi becomes /lossi.
set -eu
runtime=$1/runtime
lossi=$1/lossi
umask 022
PATH=$PWD/node_modules/.bin:$PATH

node build.ts --modules dist/modules.json

mkdir -p "$runtime/usr/bin" "$runtime/etc" "$runtime/tmp"
chmod 1777 "$runtime/tmp"
strip -o "$runtime/usr/bin/node" "$(readlink -f node_modules/.bin/node)"
echo "lossi:x:65532:65532::/tmp:/usr/sbin/nologin" >"$runtime/etc/passwd"
echo "lossi:x:65532:" >"$runtime/etc/group"
echo "hosts: files dns" >"$runtime/etc/nsswitch.conf"

# Of Debian only the libraries that Node is linked with, and their loader.
libraries=$(ldd "$runtime/usr/bin/node" | grep -o '/[^ ]*')
# shellcheck disable=SC2086
cp -L --parents $libraries "$runtime"

mkdir -p "$lossi/functions"
cp dist/*.cjs dist/aws-sdk.mjs dist/ioredis.mjs "$lossi/functions"
cp -R dist/monitor dist/openapi.json dist/docs "$lossi/functions"
cp image/main.cjs "$lossi"

for library in $libraries; do
  dpkg-query -S "*/$(basename "$library")" | cut -d: -f1
done | sort -u | xargs dpkg-query -W -f '${Package} ${Version} ${Architecture}\n' >dist/debian.txt
node image/sbom.ts dist/modules.json dist/debian.txt >"$lossi/sbom.json"
chmod -R u=rwX,go=rX "$lossi"

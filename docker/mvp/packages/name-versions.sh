# Write the releases that packages hold to files: name-versions.sh FOLDER NAME=PACKAGE...
set -eu
folder=$1
shift
mkdir -p "$folder"
for pair; do
    version=$(dpkg-query --show --showformat '${Version}' "${pair#*=}")
    echo "${version%%[+-]*}" >"$folder/${pair%%=*}"
done

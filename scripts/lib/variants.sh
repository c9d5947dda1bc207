# shellcheck shell=bash
# The images that there are: the rows of docker/variants/table.txt. Needs messages.sh.

# Print a field of each image; comments and empty lines are none.
list_column() { # NUMBER
    awk -v number="$1" '!/^(#|$)/ { print $number }' docker/variants/table.txt
}

check_name() { # NAME
    local known
    mapfile -t known < <(list_column 1)
    [[ " ${known[*]} " == *" $1 "* ]] || fail "unknown image: $1" "one of ${known[*]}"
}

# Tell whether an image has a tool.
has_tool() { # NAME TOOL
    awk -v name="$1" '$1 == name { print "," $3 "," }' docker/variants/table.txt | grep -q ",$2,"
}

describe() { # NAME
    awk -v name="$1" '$1 == name { $1 = $2 = $3 = ""; sub(/^ +/, ""); print }' \
        docker/variants/table.txt
}

# Print the images that IMAGE names, a line each: dev8-base and dev8-mvp if it is empty.
pick_images() {
    local name
    for name in ${IMAGE:-base mvp}; do
        check_name "$name"
        echo "$name"
    done
}

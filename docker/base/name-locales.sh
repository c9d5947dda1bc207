# Print a locale.alias that gives the name of every UTF-8 locale to C.UTF-8; glibc's list of them,
# SUPPORTED, is the input. A locale that is in the archive comes before its alias.
awk '
    $2 == "UTF-8" {
        language = $1
        sub(/\.UTF-8/, "", language)
        modifier = match(language, /@.*/) ? substr(language, RSTART) : ""
        sub(/@.*/, "", language)
        if ($1 !~ /\.UTF-8/) print $1, "C.UTF-8"
        print language ".UTF-8" modifier, "C.UTF-8"
        print language ".utf8" modifier, "C.UTF-8"
    }
    END { print "UTF-8 C.UTF-8" }  # what macOS has in LC_CTYPE
'

#!/bin/sh
# Compile what signing in and the commands for storage, groups, key vaults and resources load:
# compile-azure.sh SITE-PACKAGES
#
# With bytecode they start three times as fast. That of all commands would be 240 MB, most of it never
# read: the others are compiled each time, at the cost of a second.
set -eu
cd "$1"
modules='cloud config configure extension keyvault profile resource role storage util'
packages='authorization core keyvault managementgroups msi resource storage'
{
    find . -mindepth 1 -maxdepth 1 ! -name azure
    find azure -mindepth 1 -maxdepth 1 ! -name ai ! -name batch ! -name cli ! -name mgmt ! -name synapse
    find azure/cli -mindepth 1 -maxdepth 1 ! -name command_modules
    for module in $modules; do echo "azure/cli/command_modules/$module"; done
    for package in $packages; do echo "azure/mgmt/$package"; done
} >/tmp/compiled
# shellcheck disable=SC2046  # no name has a space
sh /build/compile-python.sh "$PYTHON" $(cat /tmp/compiled)

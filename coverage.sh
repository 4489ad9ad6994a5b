#!/usr/bin/env bash
# Prints how much of each named package the tests run, from a profile of
# "go test -coverprofile", and fails if one is below the least percentage.
# Usage: coverage.sh PROFILE LEAST PACKAGE...
set -euo pipefail
profile=$1 least=$2
shift 2
for package in "$@"; do
	# A block stands in the profile once for every test binary that could run it.
	awk -v package="$package" -v least="$least" '
		{ path = $1; sub(/:.*/, "", path); sub(/\/[^\/]*$/, "", path) }
		substr(path, length(path) - length(package) + 1) == package { statements[$1] = $2; if ($3 > 0) ran[$1] = 1 }
		END {
			for (b in statements) { all += statements[b]; if (b in ran) covered += statements[b] }
			percent = all ? 100 * covered / all : 0
			printf "coverage of %s: %.1f %% (at least %d %% wanted)\n", package, percent, least
			exit percent < least
		}' "$profile"
done

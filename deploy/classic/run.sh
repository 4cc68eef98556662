#!/bin/bash
# SPDX-License-Identifier: MIT
# What the classic task runs; yours goes in its place. It is called with the request's `data` as
# its only argument, in a directory that it may write to and that is gone afterwards. Of what it
# prints, line 1 becomes field1 of the result, lines 2 to 4 field2, line 5 is what get_data gives.
set -euo pipefail

data=${1-}
words=$(wc -w <<<"$data")
sum=$(printf '%s' "$data" | sha256sum)

echo "received ${#data} characters"
echo "words: $words"
echo "lines: $(printf '%s' "$data" | grep -c '' || true)"
echo "sha256: ${sum%% *}"
upper=${data^^}
printf '%s\n' "${upper//$'\n'/ }"

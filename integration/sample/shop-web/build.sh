#!/bin/sh
# Builds the program of one version to build/VERSION/shop-web.
set -eu
cd "$(dirname "$0")"
version=${1:?usage: build.sh VERSION}
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$version" -o "build/$version/shop-web" .

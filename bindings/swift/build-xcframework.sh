#!/usr/bin/env bash
# Builds bindings/swift/CapBundleFFI.xcframework, for devices and simulators, where Package.swift looks for it. On a Mac with Xcode and Rust.
#
#   bindings/swift/build-xcframework.sh          builds it
#   bindings/swift/build-xcframework.sh --zip    and the zip for a release, with its checksum
#
# Elsewhere: bindings/phones/build and bindings/swift/assemble-xcframework make the same without Xcode.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

zip=
case ${1:-} in
    '') ;;
    --zip) zip=--zip ;;
    --help | -h) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "unknown option $1 (try --help)" >&2; exit 2 ;;
esac
command -v xcodebuild >/dev/null || { echo "Xcode is not installed: use bindings/swift/assemble-xcframework" >&2; exit 1; }

target=${CARGO_TARGET_DIR:-target}
bindings/phones/build aarch64-apple-ios aarch64-apple-ios-sim x86_64-apple-ios
bindings/phones/check aarch64-apple-ios aarch64-apple-ios-sim x86_64-apple-ios

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/simulator" "$work/headers/CapBundleFFI"
cp bindings/swift/Sources/CapBundleFFI/CapBundleFFI.h bindings/swift/Sources/CapBundleFFI/module.modulemap "$work/headers/CapBundleFFI/"
lipo -create -output "$work/simulator/libcapbundle.a" \
    "$target/phones/aarch64-apple-ios-sim/libcapbundle.a" "$target/phones/x86_64-apple-ios/libcapbundle.a"

framework=bindings/swift/CapBundleFFI.xcframework
rm -rf "$framework"
xcodebuild -create-xcframework -output "$framework" \
    -library "$target/phones/aarch64-apple-ios/libcapbundle.a" -headers "$work/headers" \
    -library "$work/simulator/libcapbundle.a" -headers "$work/headers"
bindings/swift/assemble-xcframework --check "$framework" $zip

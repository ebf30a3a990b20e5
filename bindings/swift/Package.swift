// swift-tools-version: 6.0
// The Swift package of capbundle. Which Rust library it is linked with is decided here, in this order:
//
// 1. CAPBUNDLE_LIBRARY names a folder with a libcapbundle built on this machine: development and tests. Linux has no
//    other way, so there it may be left out and means target/debug.
// 2. CapBundleFFI.xcframework lies beside this file, put there by build-xcframework.sh.
// 3. The released XCFramework, which `release` names.
import Foundation
import PackageDescription

/// What a release sets: the zip that `assemble-xcframework --zip` made, where it was put, and the checksum it printed.
let release = (url: "", checksum: "")

let frameworkName = "CapBundleFFI.xcframework"
let hasFramework = FileManager.default.fileExists(atPath: Context.packageDirectory + "/" + frameworkName)

#if os(Linux)
let localLibrary: String? = Context.environment["CAPBUNDLE_LIBRARY"] ?? Context.packageDirectory + "/../../target/debug"
#else
let localLibrary = Context.environment["CAPBUNDLE_LIBRARY"]
#endif

let rust: Target
var linkerSettings: [LinkerSetting] = []
if let localLibrary {
    rust = .systemLibrary(name: "CapBundleFFI")
    // Flags that SwiftPM takes from the package at hand only, never from a dependency: for development, not for release.
    linkerSettings = [
        .unsafeFlags(["-L", localLibrary, "-Xlinker", "-rpath", "-Xlinker", localLibrary]),
        .linkedLibrary("capbundle"),
    ]
} else if hasFramework || release.url.isEmpty {
    rust = .binaryTarget(name: "CapBundleFFI", path: frameworkName)
} else {
    rust = .binaryTarget(name: "CapBundleFFI", url: release.url, checksum: release.checksum)
}

var targets: [Target] = [
    rust,
    .target(
        name: "CapBundle",
        dependencies: ["CapBundleFFI"],
        resources: [.copy("Resources/PrivacyInfo.xcprivacy")],
        linkerSettings: linkerSettings
    ),
    // The replacement of today's plugin code, a file to copy: compiled and tested, and in no product.
    .target(name: "CapgoDropIn", dependencies: ["CapBundle"], path: "Examples/CapgoDropIn"),
    // The code of docs/ios.md.
    .target(name: "Guide", dependencies: ["CapBundle"], path: "Examples/Guide"),
]
if localLibrary != nil {
    targets += [
        // Declares the function that panics, which only a library built for tests has.
        .systemLibrary(name: "CapBundlePanic", path: "Tests/CapBundlePanic"),
        .testTarget(name: "CapBundleTests", dependencies: ["CapBundle", "CapBundlePanic", "CapgoDropIn", "Guide"]),
    ]
}

let package = Package(
    name: "CapBundle",
    platforms: [.iOS(.v13), .macOS(.v10_15)],
    products: [.library(name: "CapBundle", targets: ["CapBundle"])],
    targets: targets,
    swiftLanguageModes: [.v6]
)

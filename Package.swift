// swift-tools-version: 6.0
// The Swift package of capbundle; its sources are in bindings/swift. SwiftPM calls a package by the last part of its path or address,
// and takes it from a git address only where the manifest is at the root: hence here.
//
// Which Rust library it is linked with is decided here, in this order:
//
// 1. CAPBUNDLE_LIBRARY names a folder with a libcapbundle built on this machine: development and tests. Linux has no
//    other way, so there it may be left out and means target/debug.
// 2. bindings/swift/CapBundleFFI.xcframework is there, put there by build-xcframework.sh.
// 3. The released XCFramework, which `release` names.
import Foundation
import PackageDescription

/// What a release sets: the zip that `assemble-xcframework --zip` made, where it was put, and the checksum it printed.
let release = (url: "", checksum: "")

let folder = "bindings/swift/"
let framework = folder + "CapBundleFFI.xcframework"
let hasFramework = FileManager.default.fileExists(atPath: Context.packageDirectory + "/" + framework)

#if os(Linux)
let localLibrary: String? = Context.environment["CAPBUNDLE_LIBRARY"] ?? Context.packageDirectory + "/target/debug"
#else
let localLibrary = Context.environment["CAPBUNDLE_LIBRARY"]
#endif

if localLibrary == "" { fatalError("CAPBUNDLE_LIBRARY is empty: set it to the folder of libcapbundle.a, or unset it") }

let rust: Target
var linkerSettings: [LinkerSetting] = []
if let localLibrary {
    rust = .systemLibrary(name: "CapBundleFFI", path: folder + "Sources/CapBundleFFI")
    // Flags that SwiftPM takes from the package at hand only, never from a dependency: for development, not for release.
    linkerSettings = [
        .unsafeFlags(["-L", localLibrary, "-Xlinker", "-rpath", "-Xlinker", localLibrary]),
        .linkedLibrary("capbundle"),
    ]
} else if hasFramework || release.url.isEmpty {
    rust = .binaryTarget(name: "CapBundleFFI", path: framework)
} else {
    rust = .binaryTarget(name: "CapBundleFFI", url: release.url, checksum: release.checksum)
}

var targets: [Target] = [
    rust,
    .target(
        name: "CapBundle",
        dependencies: ["CapBundleFFI"],
        path: folder + "Sources/CapBundle",
        resources: [.copy("Resources/PrivacyInfo.xcprivacy")],
        linkerSettings: linkerSettings
    ),
    // The replacement of today's plugin code, a file to copy: compiled and tested, and in no product.
    .target(name: "CapgoDropIn", dependencies: ["CapBundle"], path: folder + "Examples/CapgoDropIn"),
    // The code of docs/ios.md.
    .target(name: "Guide", dependencies: ["CapBundle"], path: folder + "Examples/Guide"),
    // Top-level code, where `await` must get the forms that do not block: the compiler warns of every one that does.
    .executableTarget(name: "Script", dependencies: ["CapBundle"], path: folder + "Examples/Script"),
]
if localLibrary != nil {
    targets += [
        // Declares the function that panics, which only a library built for tests has.
        .systemLibrary(name: "CapBundlePanic", path: folder + "Tests/CapBundlePanic"),
        .testTarget(
            name: "CapBundleTests", dependencies: ["CapBundle", "CapBundlePanic", "CapgoDropIn", "Guide"],
            path: folder + "Tests/CapBundleTests"),
    ]
}

let package = Package(
    name: "CapBundle",
    platforms: [.iOS(.v13), .macOS(.v10_15)],
    products: [.library(name: "CapBundle", targets: ["CapBundle"])],
    targets: targets,
    swiftLanguageModes: [.v6]
)

// The code of CapBundle.docc/CapBundle.md: compiled here, and tests/tests/docs.rs compares the two.

import CapBundle
import Foundation

/// Opens the store of an app whose bundles are signed in Capgo's format, and says which folder to serve.
public func overview(folder: URL, publicKey: String) throws -> String? {
    // guide: overview
    let store = try Store.openBlocking(at: folder, options: StoreOptions(requiredProof: .capgoSigned(publicKey: publicKey)))
    let launch = try store.launchBlocking(native: NativeApp(version: "1.4.0", build: "27"))
    // guide: end
    return launch.folder
}

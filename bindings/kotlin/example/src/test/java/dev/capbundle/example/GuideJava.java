package dev.capbundle.example;

import android.util.Log;
import dev.capbundle.BundleRecord;
import dev.capbundle.CapBundle;
import dev.capbundle.CapBundleException;
import dev.capbundle.ChecksumForm;
import dev.capbundle.Errors;
import dev.capbundle.ExpectedProof;
import dev.capbundle.RequiredProof;
import dev.capbundle.BundleRef;
import dev.capbundle.Store;
import dev.capbundle.StoreOptions;
import java.io.File;

/** The Java of docs/android.md: compiled here, and a test compares the two. */
final class GuideJava {
    private GuideJava() {}

    static void update(
            File root, File versions, String publicKeyPem, String url, String version, String sessionKey, String checksum) {
        // guide: java
        StoreOptions options = CapBundle.storeOptions(new RequiredProof.CapgoSigned(publicKeyPem), versions);
        try (Store store = CapBundle.openStore(root, options, (level, message) -> Log.i("capbundle", message))) {
            ExpectedProof proof = new ExpectedProof.CapgoEncrypted(sessionKey, checksum, ChecksumForm.V3, publicKeyPem);
            BundleRecord record = CapBundle.installFrom(store, CapBundle.remoteArchive(url, proof, CapBundle.newBundle(version)));
            store.setNext(new BundleRef.Bundle(record.getId()));
        } catch (CapBundleException error) {
            Log.w("capbundle", Errors.kindOf(error) + ": " + error.getMessage());
        }
        // guide: end
    }
}

package dev.capbundle;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The library used from Java. */
class JavaTest {
    @TempDir
    File folder;

    @Test
    void aBundleIsInstalledAndLaunched() throws Exception {
        File project = new File(folder, "app");
        assertTrue(project.mkdirs());
        TestApp app = new TestApp(project);
        SealedArchive sealed = app.seal(app.plain("1.0.0", 3, 1_000));
        File staging = new File(folder, "staging");
        assertTrue(staging.mkdirs());
        List<String> log = Collections.synchronizedList(new ArrayList<>());

        StoreOptions options = CapBundle.storeOptions(new RequiredProof.CapgoSigned(app.getPublicKey()));
        try (VerifyingKey key = VerifyingKey.Companion.fromPem(app.getPublicKey());
                Store store = CapBundle.openStore(new File(folder, "store"), options, (level, text) -> log.add(text));
                VerifiedArchive archive = CapBundle.decryptCapgo(
                        sealed.getFile(), staging, sealed.getIvSessionKey(), sealed.getChecksum(), key)) {
            BundleRecord record = CapBundle.install(store, archive, CapBundle.newBundle("1.0.0"));
            store.setNext(new BundleRef.Bundle(record.getId()));
            Launch launch = store.launch(new NativeApp("1.0.0", "1"));
            assertEquals(new BundleRef.Bundle(record.getId()), launch.getBundle());
            assertEquals(4, record.getFiles());
            assertTrue(store.trialStarted(record.getId()));
            assertEquals(Confirmation.Proven.INSTANCE, store.confirm(launch.getBundle()));
        }
        assertTrue(log.stream().anyMatch(line -> line.startsWith("installed 1.0.0 as ")), log.toString());
    }

    @Test
    void aBundleIsInstalledFromAUrl() throws Exception {
        File project = new File(folder, "app");
        assertTrue(project.mkdirs());
        TestApp app = new TestApp(project);
        SealedArchive sealed = app.seal(app.plain("1.0.0", 3, 1_000));
        StoreOptions options = CapBundle.storeOptions(new RequiredProof.CapgoSigned(app.getPublicKey()));
        try (RoughServer server = new RoughServer();
                Store store = CapBundle.openStore(new File(folder, "store"), options)) {
            String url = server.url("java?path=" + sealed.getFile().getPath() + "&cut=100");
            ExpectedProof proof = new ExpectedProof.CapgoEncrypted(
                    sealed.getIvSessionKey(), sealed.getChecksum(), ChecksumForm.V3, app.getPublicKey());
            NewBundle bundle = CapBundle.newBundle("1.0.0");
            BundleRecord record = CapBundle.installFrom(store, CapBundle.remoteArchive(url, proof, bundle));
            assertEquals(sealed.getPlain().getDigest(), record.getDigest());
            assertEquals(record.getId(), CapBundle.installFile(store, sealed.getFile(), proof, bundle).getId());
        }
    }

    @Test
    void aChannelIsUpdatedFrom() throws Exception {
        PublishedSite published = new PublishedSite("network_channel_with_a_sealed_archive", folder);
        try (RoughServer server = new RoughServer();
                ContentKey key = ContentKey.Companion.fromPem(published.getContentKey());
                Store store = CapBundle.openStore(
                        new File(folder, "store"), CapBundle.storeOptions(RequiredProof.Release.INSTANCE))) {
            ReleaseOptions release = CapBundle.releaseOptions(
                    "com.example.app", "production", published.getRing(), "1.0.0", Collections.singletonList(key));
            ChannelSource source = CapBundle.channelSource(published.on(server, "cut=100"), release);
            ChannelUpdate update = CapBundle.updateFromChannel(store, source);
            ChannelOutcome.Installed installed =
                    assertInstanceOf(ChannelOutcome.Installed.class, update.getOutcome());
            assertEquals(new BundleRef.Bundle(installed.getBundle().getId()), store.next());
        }
    }

    @Test
    void anErrorHasAKindAndAMessage() {
        CapBundleException error =
                assertThrows(CapBundleException.class, () -> CapBundle.sha256OfFile(new File(folder, "none")));
        assertEquals(ErrorKind.NOT_FOUND, Errors.kindOf(error));
        assertInstanceOf(CapBundleException.NotFound.class, error);
        assertTrue(error.getMessage().contains("none"), error.getMessage());
    }
}

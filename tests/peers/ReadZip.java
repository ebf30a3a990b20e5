import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;

/**
 * The two zip readers of Java: {@code stream} sees local headers only, as the Android plugin does; {@code file} goes
 * by the central directory.
 *
 * <p>{@code java ReadZip.java stream|file ARCHIVE} prints a line for each entry: SHA-256 or "folder", two spaces, path.
 */
public final class ReadZip {
    private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    public static void main(String[] arguments) throws Exception {
        Path archive = Path.of(arguments[1]);
        switch (arguments[0]) {
            case "stream" -> stream(archive);
            case "file" -> file(archive);
            default -> throw new IllegalArgumentException(arguments[0]);
        }
        OUT.flush();
    }

    private static void stream(Path archive) throws Exception {
        try (ZipInputStream zip = new ZipInputStream(new BufferedInputStream(Files.newInputStream(archive)))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                print(entry, zip);
            }
        }
    }

    private static void file(Path archive) throws Exception {
        try (ZipFile zip = new ZipFile(archive.toFile())) {
            for (ZipEntry entry : (Iterable<ZipEntry>) zip.stream().map(ZipEntry.class::cast)::iterator) {
                try (InputStream content = zip.getInputStream(entry)) {
                    print(entry, content);
                }
            }
        }
    }

    private static void print(ZipEntry entry, InputStream content) throws Exception {
        String name = entry.getName();
        if (entry.isDirectory()) {
            OUT.println("folder  " + name.substring(0, name.length() - 1));
        } else {
            OUT.println(sha256(content) + "  " + name);
        }
    }

    private static String sha256(InputStream content) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        // Not closed: for the streaming reader that would close the archive.
        new DigestInputStream(content, digest).transferTo(OutputSink.INSTANCE);
        return HexFormat.of().formatHex(digest.digest());
    }

    private static final class OutputSink extends java.io.OutputStream {
        static final OutputSink INSTANCE = new OutputSink();

        @Override
        public void write(int value) throws IOException {}

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {}
    }
}

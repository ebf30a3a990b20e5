import java.io.BufferedInputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import javax.crypto.Cipher;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * Handles a downloaded bundle like the Android plugin, with the libraries of the platform: decrypts to a file, hashes
 * that file, compares it with the signed checksum and unpacks it with {@link ZipInputStream}. Buffers have 256 KiB, as in the
 * plugin.
 *
 * <p>{@code OpenVerifyUnpack SEALED IV_SESSION_KEY CHECKSUM PUBLIC_KEY_DER FOLDER}. Prints the elapsed seconds
 * without the start of the JVM.
 */
public final class OpenVerifyUnpack {
    private static final int BUFFER = 256 * 1024;

    public static void main(String[] arguments) throws Exception {
        long started = System.nanoTime();
        File sealed = new File(arguments[0]);
        File folder = new File(arguments[4]);
        File archive = new File(folder.getParentFile(), "archive.zip");
        byte[] spki = Files.readAllBytes(Path.of(arguments[3]));
        PublicKey key = KeyFactory.getInstance("RSA").generatePublic(new X509EncodedKeySpec(spki));

        decrypt(sealed, archive, arguments[1].split(":"), key);
        if (!Arrays.equals(sha256(archive), recover(HexFormat.of().parseHex(arguments[2]), key))) {
            throw new IOException("checksum mismatch");
        }
        unpack(archive, folder);
        System.out.println((System.nanoTime() - started) / 1e9);
    }

    private static byte[] recover(byte[] signed, PublicKey key) throws Exception {
        Cipher cipher = Cipher.getInstance("RSA/ECB/PKCS1Padding");
        cipher.init(Cipher.DECRYPT_MODE, key);
        return cipher.doFinal(signed);
    }

    private static void decrypt(File sealed, File archive, String[] session, PublicKey key) throws Exception {
        byte[] iv = Base64.getDecoder().decode(session[0]);
        byte[] sessionKey = recover(Base64.getDecoder().decode(session[1]), key);
        Cipher cipher = Cipher.getInstance("AES/CBC/PKCS5Padding");
        cipher.init(Cipher.DECRYPT_MODE, new SecretKeySpec(sessionKey, "AES"), new IvParameterSpec(iv));
        byte[] in = new byte[BUFFER];
        byte[] out = new byte[BUFFER + 16];
        try (InputStream source = new FileInputStream(sealed); FileOutputStream target = new FileOutputStream(archive)) {
            for (int count = source.read(in); count != -1; count = source.read(in)) {
                target.write(out, 0, cipher.update(in, 0, count, out, 0));
            }
            target.write(out, 0, cipher.doFinal(out, 0));
        }
    }

    private static byte[] sha256(File file) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        byte[] buffer = new byte[BUFFER];
        try (InputStream source = new FileInputStream(file)) {
            for (int count = source.read(buffer); count != -1; count = source.read(buffer)) {
                digest.update(buffer, 0, count);
            }
        }
        return digest.digest();
    }

    private static void unpack(File archive, File folder) throws IOException {
        String base = folder.getCanonicalPath() + File.separator;
        byte[] buffer = new byte[BUFFER];
        try (ZipInputStream zip = new ZipInputStream(new BufferedInputStream(new FileInputStream(archive)))) {
            for (ZipEntry entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                // The plugin resolves every name like this, to prevent path traversal.
                File file = new File(folder, entry.getName()).getCanonicalFile();
                if (!file.getPath().startsWith(base)) {
                    throw new IOException("outside: " + entry.getName());
                }
                File parent = entry.isDirectory() ? file : file.getParentFile();
                if (!parent.isDirectory() && !parent.mkdirs()) {
                    throw new IOException("cannot make " + parent);
                }
                if (!entry.isDirectory()) {
                    try (FileOutputStream target = new FileOutputStream(file)) {
                        for (int count = zip.read(buffer); count != -1; count = zip.read(buffer)) {
                            target.write(buffer, 0, count);
                        }
                    }
                }
            }
        }
    }
}

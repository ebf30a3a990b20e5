-- Bytes of the archive, where they are known.
ALTER TABLE bundles ADD COLUMN size INTEGER;
-- JSON: the native packages of the publisher's project.
ALTER TABLE bundles ADD COLUMN native_packages TEXT;
-- Whether archives at other addresses are fetched and compared; NULL is as the server is started.
ALTER TABLE apps ADD COLUMN verify_external INTEGER;
-- PEM: what the app's bundles are signed with.
ALTER TABLE apps ADD COLUMN public_key TEXT;

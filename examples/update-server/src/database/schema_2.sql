-- Size of the archive in bytes, if known.
ALTER TABLE bundles ADD COLUMN size INTEGER;
-- JSON: the native packages of the project.
ALTER TABLE bundles ADD COLUMN native_packages TEXT;
-- Whether external archives are downloaded and verified; NULL uses the server's setting.
ALTER TABLE apps ADD COLUMN verify_external INTEGER;
-- PEM: the public key of the app's bundles.
ALTER TABLE apps ADD COLUMN public_key TEXT;

-- Manifests: the single files of bundles.
CREATE TABLE manifests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app_id TEXT NOT NULL REFERENCES apps (app_id),
    -- SHA-256 of the uploaded document, by which a bundle is registered with it.
    digest TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    UNIQUE (app_id, digest)
) STRICT;

CREATE TABLE manifest_files (
    manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    file_name TEXT NOT NULL,
    file_hash TEXT NOT NULL,
    -- The path of a file that this server stores, or the URL of another one.
    path TEXT,
    url TEXT,
    -- Bytes that devices download, if known.
    size INTEGER,
    PRIMARY KEY (manifest_id, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX manifest_paths ON manifest_files (path) WHERE path IS NOT NULL;

ALTER TABLE bundles ADD COLUMN manifest_id INTEGER REFERENCES manifests (id);
CREATE INDEX bundle_manifests ON bundles (manifest_id) WHERE manifest_id IS NOT NULL;

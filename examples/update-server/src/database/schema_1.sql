CREATE TABLE keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    -- SHA-256 of the key. The key has 256 random bits, so a slow hash would add no protection.
    hash BLOB NOT NULL UNIQUE,
    every_app INTEGER NOT NULL,
    writes INTEGER NOT NULL,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    revoked_at TEXT
) STRICT;

CREATE TABLE key_apps (
    key_id INTEGER NOT NULL REFERENCES keys (id),
    app_id TEXT NOT NULL,
    PRIMARY KEY (key_id, app_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE apps (
    app_id TEXT PRIMARY KEY,
    encryption_required INTEGER NOT NULL DEFAULT 0,
    key_id TEXT,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT, WITHOUT ROWID;

CREATE TABLE bundles (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app_id TEXT NOT NULL REFERENCES apps (app_id),
    name TEXT NOT NULL,
    checksum TEXT,
    session_key TEXT,
    key_id TEXT,
    external_url TEXT,
    r2_path TEXT,
    link TEXT,
    comment TEXT,
    min_update_version TEXT,
    created_by INTEGER REFERENCES keys (id),
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    deleted_at TEXT
) STRICT;

-- A version exists once; a deleted version may be registered again.
CREATE UNIQUE INDEX bundle_names ON bundles (app_id, name) WHERE deleted_at IS NULL;
CREATE INDEX bundle_files ON bundles (r2_path) WHERE deleted_at IS NULL AND r2_path IS NOT NULL;

CREATE TABLE channels (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    app_id TEXT NOT NULL REFERENCES apps (app_id),
    name TEXT NOT NULL,
    is_public INTEGER NOT NULL,
    version_id INTEGER REFERENCES bundles (id),
    -- Devices return to the built-in bundle of the app; version_id is NULL then.
    built_in INTEGER NOT NULL DEFAULT 0,
    rollout_version_id INTEGER REFERENCES bundles (id),
    -- In hundredths of a percent.
    rollout_share INTEGER NOT NULL DEFAULT 0 CHECK (rollout_share BETWEEN 0 AND 10000),
    disable_auto_update TEXT NOT NULL DEFAULT 'none'
        CHECK (disable_auto_update IN ('none', 'major', 'minor', 'patch', 'version_number')),
    disable_auto_update_under_native INTEGER NOT NULL DEFAULT 1,
    allow_device_self_set INTEGER NOT NULL DEFAULT 0,
    allow_emulator INTEGER NOT NULL DEFAULT 1,
    allow_device INTEGER NOT NULL DEFAULT 1,
    allow_dev INTEGER NOT NULL DEFAULT 1,
    allow_prod INTEGER NOT NULL DEFAULT 1,
    ios INTEGER NOT NULL DEFAULT 1,
    android INTEGER NOT NULL DEFAULT 1,
    electron INTEGER NOT NULL DEFAULT 1,
    created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    UNIQUE (app_id, name)
) STRICT;

CREATE INDEX channel_versions ON channels (version_id);
CREATE INDEX channel_rollouts ON channels (rollout_version_id);

-- The channels that devices chose.
CREATE TABLE devices (
    app_id TEXT NOT NULL REFERENCES apps (app_id),
    device_id TEXT NOT NULL,
    channel_id INTEGER NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    PRIMARY KEY (app_id, device_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX device_channels ON devices (channel_id);

-- Events are only counted, so that nothing identifies a device.
CREATE TABLE statistics (
    app_id TEXT NOT NULL REFERENCES apps (app_id),
    day TEXT NOT NULL,
    platform TEXT NOT NULL,
    version TEXT NOT NULL,
    action TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (app_id, day, platform, version, action)
) STRICT, WITHOUT ROWID;

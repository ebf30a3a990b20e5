//! Options of Capgo's command that need Capgo's cloud or have no effect here.
//!
//! They are parsed so that an existing pipeline gets a reason and advice instead of "unknown option".

use clap::Args;

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch that Capgo documents")]
pub(crate) struct UnsupportedArgs {
    #[arg(long, hide = true)]
    tus: bool,
    #[arg(long, hide = true, value_name = "MB")]
    tus_chunk_size: Option<String>,
    #[arg(long, hide = true)]
    bundle_url: bool,
    #[arg(long, hide = true)]
    delete_linked_bundle_on_upload: bool,
    #[arg(long, hide = true)]
    self_assign: bool,
    #[arg(long, hide = true)]
    qr_preview: bool,
    #[arg(long, hide = true)]
    send_update_notification: bool,
    #[arg(long, hide = true)]
    rollout: bool,
    #[arg(long, hide = true, value_name = "N")]
    rollout_percentage_bps: Option<String>,
    #[arg(long, hide = true)]
    rollout_advance: bool,
    #[arg(long, hide = true, value_name = "SECONDS")]
    rollout_cache_ttl_seconds: Option<String>,
    #[arg(long, hide = true)]
    auto_min_update_version: bool,
    #[arg(long, hide = true)]
    fail_on_incompatible: bool,
    #[arg(long, hide = true)]
    auto_set_bundle: bool,
    #[arg(long, hide = true, value_name = "LEVEL", num_args = 0..=1, default_missing_value = "patch")]
    auto_bump: Option<String>,
    #[arg(long, hide = true)]
    force_crc32_checksum: bool,
    #[arg(long, hide = true, value_name = "URL")]
    supa_host: Option<String>,
    #[arg(long, hide = true, value_name = "KEY")]
    supa_anon: Option<String>,
    #[arg(long, hide = true, value_name = "MODE")]
    mode: Option<String>,
    // These options request the default behaviour.
    #[arg(long, hide = true)]
    multipart: bool,
    #[arg(long, hide = true)]
    ignore_metadata_check: bool,
    #[arg(long, hide = true)]
    accept_incompatible: bool,
    #[arg(long, hide = true)]
    ignore_checksum_check: bool,
    #[arg(long, hide = true)]
    verbose: bool,
}

const CLOUD: &str = "this feature of Capgo's cloud is not in its public API; use Capgo's console or command";
const RESUMED: &str = "this upload protocol is specific to Capgo's cloud; uploads to S3 use parts and \
     resume automatically: remove the option";

impl UnsupportedArgs {
    /// The first unsupported option on the command line, and the reason.
    pub(crate) fn refused(&self) -> Option<(&'static str, &'static str)> {
        let options = [
            (self.tus, "--tus", RESUMED),
            (self.tus_chunk_size.is_some(), "--tus-chunk-size", RESUMED),
            (
                self.bundle_url,
                "--bundle-url",
                "the option prints a URL in Capgo's cloud; capbundle always prints the URL of the archive: remove the option",
            ),
            (
                self.delete_linked_bundle_on_upload,
                "--delete-linked-bundle-on-upload",
                "devices that are downloading the old bundle would fail: use `capbundle bundle cleanup` later",
            ),
            (self.self_assign, "--self-assign", CLOUD),
            (self.qr_preview, "--qr-preview", CLOUD),
            (self.send_update_notification, "--send-update-notification", CLOUD),
            (self.rollout, "--rollout", CLOUD),
            (self.rollout_percentage_bps.is_some(), "--rollout-percentage-bps", CLOUD),
            (self.rollout_advance, "--rollout-advance", CLOUD),
            (
                self.rollout_cache_ttl_seconds.is_some(),
                "--rollout-cache-ttl-seconds",
                CLOUD,
            ),
            (
                self.auto_min_update_version,
                "--auto-min-update-version",
                "capbundle does not compare native packages: pass the version with --min-update-version",
            ),
            (
                self.fail_on_incompatible,
                "--fail-on-incompatible",
                "capbundle does not compare native packages: pass the version with --min-update-version",
            ),
            (self.auto_set_bundle, "--auto-set-bundle", CLOUD),
            (
                self.auto_bump.is_some(),
                "--auto-bump",
                "an automatic version gives two bundles for one commit: pass the version with --bundle",
            ),
            (
                self.force_crc32_checksum,
                "--force-crc32-checksum",
                "a CRC-32 protects nothing, and devices that verify checksums reject it: remove the option",
            ),
            (
                self.supa_host.is_some(),
                "--supa-host",
                "the option selects Capgo's database; select your own server with --api-url",
            ),
            (
                self.supa_anon.is_some(),
                "--supa-anon",
                "the option is a key for Capgo's database; pass the key for your own server with --apikey",
            ),
            (
                self.mode.is_some(),
                "--mode",
                "only Capacitor apps are supported: remove the option",
            ),
        ];
        let found = options.into_iter().find(|(given, ..)| *given);
        found.map(|(_, option, why)| (option, why))
    }

    /// Given options that are accepted and have no effect.
    pub(crate) fn without_effect(&self) -> Vec<&'static str> {
        let options = [
            (self.multipart, "--multipart"),
            (self.ignore_metadata_check, "--ignore-metadata-check"),
            (self.accept_incompatible, "--accept-incompatible"),
            (self.ignore_checksum_check, "--ignore-checksum-check"),
            (self.verbose, "--verbose"),
        ];
        options
            .into_iter()
            .filter_map(|(given, option)| given.then_some(option))
            .collect()
    }
}

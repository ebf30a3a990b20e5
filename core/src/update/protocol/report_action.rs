//! The actions of reports.

use std::fmt;

/// Declares the actions with their words, so that each word is written once.
macro_rules! actions {
    ($($(#[doc = $doc:literal])+ $action:ident = $word:literal,)+) => {
        /// The action of a report: what happened on a device.
        ///
        /// Servers refuse other actions, except those that begin with `app_crash` or `webview_`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ReportAction {
            $($(#[doc = $doc])+ $action,)+
        }

        impl ReportAction {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$action,)+];

            /// The action as it is sent. Stable.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$action => $word,)+
                }
            }
        }
    };
}

actions! {
    /// The device is in use.
    Ping = "ping",
    /// A bundle was deleted.
    Delete = "delete",
    /// The app went back to the fallback or to the built-in bundle.
    Reset = "reset",
    /// A bundle was made current.
    Set = "set",
    /// The server offered a bundle.
    Get = "get",
    /// A bundle could not be made current.
    SetFail = "set_fail",
    /// A bundle became the next one.
    SetNext = "set_next",
    /// A bundle was started and did not confirm in time.
    UpdateFail = "update_fail",
    /// A download failed.
    DownloadFail = "download_fail",
    /// An archive contains a path with a backslash.
    WindowsPathFail = "windows_path_fail",
    /// An archive contains a path that leaves its folder.
    CanonicalPathFail = "canonical_path_fail",
    /// A folder could not be created.
    DirectoryPathFail = "directory_path_fail",
    /// An archive could not be unpacked.
    UnzipFail = "unzip_fail",
    /// The device has too little memory.
    LowMemFail = "low_mem_fail",
    /// The device has too little free space.
    InsufficientDiskSpace = "insufficient_disk_space",
    /// A download began.
    Download0 = "download_0",
    /// 10 percent of a download.
    Download10 = "download_10",
    /// 20 percent of a download.
    Download20 = "download_20",
    /// 30 percent of a download.
    Download30 = "download_30",
    /// 40 percent of a download.
    Download40 = "download_40",
    /// 50 percent of a download.
    Download50 = "download_50",
    /// 60 percent of a download.
    Download60 = "download_60",
    /// 70 percent of a download.
    Download70 = "download_70",
    /// 80 percent of a download.
    Download80 = "download_80",
    /// 90 percent of a download.
    Download90 = "download_90",
    /// A bundle was downloaded, verified and installed.
    DownloadComplete = "download_complete",
    /// The download of single files began.
    DownloadManifestStart = "download_manifest_start",
    /// All files were downloaded.
    DownloadManifestComplete = "download_manifest_complete",
    /// A file could not be downloaded.
    DownloadManifestFileFail = "download_manifest_file_fail",
    /// A file does not have its digest.
    DownloadManifestChecksumFail = "download_manifest_checksum_fail",
    /// A file could not be decompressed.
    DownloadManifestBrotliFail = "download_manifest_brotli_fail",
    /// The path of a file is refused.
    ManifestPathFail = "manifest_path_fail",
    /// The download of an archive began.
    DownloadZipStart = "download_zip_start",
    /// An archive was downloaded.
    DownloadZipComplete = "download_zip_complete",
    /// A downloaded bundle could not be installed.
    FinishDownloadFail = "finish_download_fail",
    /// An archive or a file could not be decrypted.
    DecryptFail = "decrypt_fail",
    /// The server offered a bundle without a checksum.
    ChecksumRequired = "checksum_required",
    /// An archive does not have its digest.
    ChecksumFail = "checksum_fail",
    /// The app came to the foreground.
    AppMovedToForeground = "app_moved_to_foreground",
    /// The app went to the background.
    AppMovedToBackground = "app_moved_to_background",
    /// The app was started.
    AppLaunchStart = "app_launch_start",
    /// The page of the app is ready.
    AppLaunchReady = "app_launch_ready",
    /// The page of the app was not ready in time.
    AppLaunchTimeout = "app_launch_timeout",
    /// The app did not respond.
    AppAnr = "app_anr",
    /// The server limits the requests of the device.
    RateLimitReached = "rate_limit_reached",
    /// The device chose a channel.
    SetChannel = "setChannel",
    /// The device read its channel.
    GetChannel = "getChannel",
    /// The operating system was updated.
    OsVersionChanged = "os_version_changed",
    /// The native app was updated.
    NativeAppVersionChanged = "native_app_version_changed",
}

impl ReportAction {
    /// The action for this percentage of a download: the step of ten below it. 100 and more is
    /// [`DownloadComplete`](Self::DownloadComplete).
    #[must_use]
    pub fn of_download(percent: u8) -> Self {
        match percent / 10 {
            0 => Self::Download0,
            1 => Self::Download10,
            2 => Self::Download20,
            3 => Self::Download30,
            4 => Self::Download40,
            5 => Self::Download50,
            6 => Self::Download60,
            7 => Self::Download70,
            8 => Self::Download80,
            9 => Self::Download90,
            _ => Self::DownloadComplete,
        }
    }
}

impl fmt::Display for ReportAction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

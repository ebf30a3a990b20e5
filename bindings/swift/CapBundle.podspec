# For apps that use CocoaPods; the same sources and the same library as the Swift package. CapBundleFFI.xcframework must be
# next to this file: build-xcframework.sh or assemble-xcframework puts it there, and a release's zip holds both.
#
#   pod 'CapBundle', :path => '…/capbundle/bindings/swift'
Pod::Spec.new do |spec|
  spec.name = 'CapBundle'
  # That of the workspace's Cargo.toml; Tests/xcframework.py compares them.
  spec.version = '0.1.0'
  spec.summary = 'Verify, install, launch and roll back web bundles of Capacitor apps'
  spec.description = 'Over-the-air updates for Capacitor apps that fail closed and always start: the Rust library capbundle ' \
    'for iOS, with the archive, checksum and encryption formats of Capgo.'
  spec.homepage = 'https://github.com/capbundle/capbundle'
  spec.license = { :type => 'MIT OR Apache-2.0' }
  spec.authors = 'The capbundle authors'
  spec.source = {
    :http => "https://github.com/capbundle/capbundle/releases/download/v#{spec.version}/CapBundle-#{spec.version}-cocoapods.zip"
  }

  # As in Package.swift at the root of the repository.
  spec.ios.deployment_target = '13.0'
  spec.swift_version = '6.0'
  spec.source_files = 'Sources/CapBundle/**/*.swift'
  spec.resource_bundles = { 'CapBundle' => ['Sources/CapBundle/Resources/PrivacyInfo.xcprivacy'] }
  spec.vendored_frameworks = 'CapBundleFFI.xcframework'
end

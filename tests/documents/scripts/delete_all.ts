interface BundleDeleteAll {
app_id: string
}

interface BundleDelete {
app_id: string
version: string
}

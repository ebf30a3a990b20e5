interface UpdateMetadataBody {
app_id: string
version_id: number
link?: string
comment?: string
}

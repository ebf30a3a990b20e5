interface SetChannelBody {
app_id: string
version_id: number
channel_id: number
}

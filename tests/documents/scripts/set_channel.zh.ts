interface SetChannelBody {
app_id: string
version_id: number // bundle (version) id
channel_id: number
}

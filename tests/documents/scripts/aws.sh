aws s3 cp my-app-1.2.3.zip s3://your-bucket/bundles/
